"""Tests that an update brings the contract's new version to an edited repo of 0.2.0, whose server then keeps it.

The server is checked in `make test-update` only. `make test` runs the same checks against a generated repo.
"""

import json
import sys
from pathlib import Path

import pytest

from competitor.checks import CONTRACT_VERSION

from ..baking.baking import run
from ..template_path import contract_tests
from . import owner
from .test_own_files import AGENT, made, older, release
from .updating import update

KNOWN_GAPS: dict[str, str] = contract_tests("known_gaps").KNOWN_GAPS
measured_on_time = contract_tests("lateness").measured_on_time
__all__ = ["older", "release"]


def edited(older: Path, home: Path, folder: Path) -> Path:
    repo = made(older, "tools", folder, home)
    owner.add_line(repo / AGENT, "TIDE = 'high'  # mine")
    owner.commit(repo, home)
    return repo


def test_an_update_from_0_2_0_brings_the_new_contract_to_an_edited_repo(
    older: Path, release: str, home: Path, tmp_path: Path
) -> None:
    repo = edited(older, home, tmp_path)
    shown = update(repo, home, "--template", release, "--dry-run")
    assert shown.returncode == 0, shown.stdout + shown.stderr
    rest = shown.stdout.splitlines()
    assert f"contract 1.0.0 -> {CONTRACT_VERSION}" in shown.stdout
    moved = next(place for place, line in enumerate(rest) if f"Contract {CONTRACT_VERSION}" in line)
    files = next(place for place, line in enumerate(rest) if line.startswith("  replaced"))
    assert moved < files, shown.stdout
    assert "allowed_tools" in " ".join(rest[moved:files])

    done = update(repo, home, "--template", release)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "TIDE = 'high'  # mine" in (repo / AGENT).read_text(encoding="utf-8")
    assert f"version {CONTRACT_VERSION}" in (repo / "CONTRACT.md").read_text(encoding="utf-8").splitlines()[0]


@pytest.mark.slow
@pytest.mark.long
def test_the_server_of_an_updated_repo_keeps_the_new_contract(
    older: Path, release: str, home: Path, tmp_path: Path
) -> None:
    repo = edited(older, home, tmp_path)
    update(repo, home, "--template", release)
    assert measured_on_time(lambda: broken(repo, home, tmp_path / "v.json")) <= KNOWN_GAPS.keys()


def broken(repo: Path, home: Path, made_file: Path) -> set[str]:
    """The cases of the newest contract that the server breaks. Raises `AssertionError` for one that is no known gap."""
    start = f"{sys.executable} -m competitor serve --stand-ins"
    given = ("--start", start, "--contract", CONTRACT_VERSION, "--json", str(made_file))
    done = run("competitor", "check", *given, cwd=repo, home=home, check=False)
    assert "not shown" in done.stdout, done.stdout + done.stderr
    cases = json.loads(made_file.read_text(encoding="utf-8"))["cases"]
    found = {case["id"]: case["reason"] for case in cases if case["status"] in ("broken", "fault")}
    assert found.keys() <= KNOWN_GAPS.keys(), found
    assert sum(case["status"] == "holds" for case in cases) > 180
    return set(found)
