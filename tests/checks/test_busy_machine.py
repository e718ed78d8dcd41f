"""Tests that a good server is not accused on a busy machine: four processes that compute without end run beside it."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ..bakes import Bakes
from .test_any_server import check

RUNS, LOOPS = 10, 4
SHARE_SHOWN = 0.9  # of the cases that are shown at rest

pytestmark = pytest.mark.slow


@pytest.fixture
def loops() -> Iterator[None]:
    running = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(LOOPS)]
    yield
    for process in running:
        process.kill()
        process.wait()


def statuses(bakes: Bakes, report: Path) -> dict[str, Any]:
    """Checks a generated repo. Maps each case to its status and its reason."""
    start = f"sh -c 'cd {bakes('tools')} && exec {sys.executable} -m competitor serve --stand-ins'"
    check("--start", start, "--contract", "1.1.0", "--json", str(report))
    cases = json.loads(report.read_text(encoding="utf-8"))["cases"]
    return {case["id"]: (case["status"], case["reason"]) for case in cases}


@pytest.fixture(scope="module")
def at_rest(bakes: Bakes, tmp_path_factory: pytest.TempPathFactory) -> int:
    """The number of cases that a check shows without the loops."""
    found = statuses(bakes, tmp_path_factory.mktemp("rest") / "report.json")
    assert not [(case, each) for case, each in found.items() if each[0] in ("broken", "fault")]
    return sum(status == "holds" for status, _ in found.values())


@pytest.mark.usefixtures("loops")
@pytest.mark.parametrize("run", range(RUNS))
def test_no_case_is_broken_and_most_are_shown(run: int, at_rest: int, bakes: Bakes, tmp_path: Path) -> None:
    found = statuses(bakes, tmp_path / "report.json")
    assert not [(case, each) for case, each in found.items() if each[0] in ("broken", "fault")]
    shown = sum(status == "holds" for status, _ in found.values())
    print(f"run {run}: {shown} of {at_rest} cases shown", file=sys.stderr)
    assert shown >= SHARE_SHOWN * at_rest
