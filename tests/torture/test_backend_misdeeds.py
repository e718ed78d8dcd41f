"""Tests that each answer ends correctly, even if a backend overloads the server."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from competitor.checks.clauses.stream import well_formed
from competitor.checks.target import Target, question

from ..template_path import UNBAKED
from .conftest import processes

pytestmark = pytest.mark.slow
misdeed = pytest.mark.torture("B", "misbehaviours of a backend, for each mode")


@pytest.fixture(scope="module")
def heavy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Target, Path]]:
    """The server of heavy_backend.py, and its log."""
    log = tmp_path_factory.mktemp("heavy") / "log"
    program = Path(__file__).parent / "heavy_backend.py"
    with processes.competitor({"PYTHONPATH": str(UNBAKED)}, str(program), log=log) as (url, _):
        yield Target(url, timeout=120), log


def _lines_with_the_request(log: Path) -> list[dict[str, Any]]:
    """The lines of the log. That of the request is written after its last byte, so this waits for it."""
    for _ in range(100):
        whole, _, _ = log.read_text(encoding="utf-8").rpartition("\n")
        lines = [json.loads(line) for line in whole.splitlines()]
        if any(line.get("loop_lag_ms", 0) > 2000 for line in lines):
            break
        time.sleep(0.1)
    return lines


@misdeed
@pytest.mark.parametrize("deed", ["a million events", "an event of 50 MB", "block for 3 s"])
def test_an_overloading_backend_has_a_well_formed_end(deed: str, heavy: tuple[Target, Path]) -> None:
    target, log = heavy
    stream = target.read_stream(question(deed, stream=True))
    well_formed(stream, deed)
    if deed == "a million events":
        assert len(stream.text) == 1_000_000
    elif deed == "an event of 50 MB":
        assert stream.finish_reasons == ["length"]
    else:
        assert stream.text == "before after"
        lines = _lines_with_the_request(log)
        assert any("the event loop was blocked" in line["message"] and line["seconds"] > 2 for line in lines)
        assert any(line["message"] == "request" and line.get("loop_lag_ms", 0) > 2000 for line in lines)
    assert target.post(question("hello")).json()["choices"][0]["message"]["content"] == "fine"
