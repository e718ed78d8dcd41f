"""Tests that each slip of an owner's is explained in one sentence: in the log, in the console and in the answer."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ..once import once
from ..template_path import TEMPLATE
from .slips import HEAD, SLIPS, Slip

FAILED = "This competitor failed while it answered."


@pytest.fixture(scope="session")
def seen(request: pytest.FixtureRequest, baked: Path) -> dict[str, Any]:
    """What the owner sees of each slip, by its name."""

    def drive(folder: Path) -> None:
        repo = shutil.copytree(baked, folder / "repo")
        command = [sys.executable, "-m", "tests.slips.driver", str(repo)]
        done = subprocess.run(command, cwd=TEMPLATE, capture_output=True, text=True, timeout=600, check=False)
        assert done.returncode == 0, done.stderr[-3000:]
        (folder / "seen.json").write_text(done.stdout, encoding="utf-8")

    found: dict[str, Any] = json.loads((once(request, "slips", drive) / "seen.json").read_text(encoding="utf-8"))
    return found


def expected(slip: Slip, url: str | None) -> str:
    place = f"competitor/backend/agent.py, line {slip.line}, " if slip.line else ""
    return place + slip.said.replace("<URL>", url or "")


def without_times(text: str) -> str:
    return re.sub(r"for \d+(\.\d+)? s;", "for 0 s;", text)


@pytest.mark.parametrize("slip", SLIPS, ids=lambda slip: slip.name)
def test_a_slip_is_explained_in_one_sentence(slip: Slip, seen: dict[str, Any]) -> None:
    found = seen[slip.name]
    sentence = expected(slip, found.get("url"))
    if "load" in found:
        assert found["load"] == sentence
        return
    assert without_times(found["console"]) == sentence
    assert without_times(found["answer"]).endswith(sentence)
    assert any(without_times(line).endswith(sentence) for line in found["log"]), found["log"]


def test_the_line_of_a_slip_is_the_line_that_is_named(seen: dict[str, Any]) -> None:
    for slip in SLIPS:
        if slip.line:
            line = (HEAD + slip.code).splitlines()[slip.line - 1].strip()
            assert slip.said.startswith(f"`{line}`"), slip.name


def test_in_production_the_answer_shows_no_code(seen: dict[str, Any]) -> None:
    found = seen["production"]
    assert "`" not in found["answer"]
    assert found["console"].startswith("competitor/backend/agent.py, line 9")


def test_a_slip_in_a_tool_is_explained_in_its_step(seen: dict[str, Any]) -> None:
    place = "competitor/backend/agent.py, line 11, `return str(nubmer * 2)`"
    sentence = f"{place}: the name `nubmer` is not defined; write `number`."
    found = seen["tool"]
    assert found["answer"] == "Done."
    assert f"a tool failed: {sentence}" in found["log"]
    assert '"tool_end"' in found["record"]
    assert sentence in found["record"]
