"""Tests that every way to cheat with contract files is reported.

The repo's own verify or `python -m tools.verify` must report each cheat. The repo's own verify is code in the repo, so
a cheat can edit it. A reviewer therefore runs the template's verify, `python -m tools.verify`.
"""

from pathlib import Path

import pytest

from tools.trusted import verify as trusted_verify

from ..bakes import Bakes
from .cheats import CHEATS, UNKNOWN
from .record_cheats import CHEATS_OF_THE_REPO_S_OWN, NOT_SHOWN_CASES
from .repos import DIFFERS, HOLDS, NOT_SHOWN, copy, own, reviewed, write_record


@pytest.mark.parametrize("name", CHEATS)
def test_the_repo_s_own_verify_names(name: str, project: Path, home: Path) -> None:
    cheat = CHEATS[name]
    cheat.do(project)
    # A linked package still runs. If the cheat breaks the command itself, the functions are called directly.
    changed = trusted_verify.changed_files(project)
    said = "\n".join(
        f"{trusted_verify.printable(path)}: {trusted_verify.printable(what)}" for path, what in changed.items()
    )
    assert cheat.named in said
    done = own(project, home)
    assert done.returncode != HOLDS
    if done.stdout:
        assert done.returncode == DIFFERS
        assert cheat.named in done.stdout
        assert "The contract files are those of the template" not in done.stdout.splitlines()


@pytest.mark.parametrize("name", CHEATS)
def test_the_reviewer_s_verify_names(name: str, project: Path, home: Path) -> None:
    CHEATS[name].do(project)
    done = reviewed(project, home)
    assert done.returncode == DIFFERS, done.stdout + done.stderr
    assert CHEATS[name].named in done.stdout
    assert "HOLDS" not in done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize("name", CHEATS_OF_THE_REPO_S_OWN)
def test_the_reviewer_s_verify_names_what_the_repo_hides(
    name: str, project: Path, unreleased: Path, home: Path
) -> None:
    cheat = CHEATS_OF_THE_REPO_S_OWN[name]
    cheat.do(project)
    done = reviewed(project, home, unreleased)
    assert done.returncode == DIFFERS, done.stdout + done.stderr
    assert cheat.named in done.stdout
    assert "HOLDS" not in done.stdout


@pytest.mark.parametrize("name", NOT_SHOWN_CASES)
def test_what_cannot_be_shown_is_never_called_good(name: str, project: Path, home: Path) -> None:
    NOT_SHOWN_CASES[name].do(project)
    done = reviewed(project, home)
    assert done.returncode == NOT_SHOWN, done.stdout + done.stderr
    assert "Not shown: " in done.stdout
    assert NOT_SHOWN_CASES[name].named in done.stdout
    assert "HOLDS" not in done.stdout
    assert done.stderr == ""


def test_there_are_twenty_ways_to_cheat_at_least() -> None:
    named = [*CHEATS, *CHEATS_OF_THE_REPO_S_OWN, *NOT_SHOWN_CASES]
    assert len(set(named)) == len(named) >= 60


def test_a_folder_that_is_not_there_is_not_shown(tmp_path: Path, home: Path) -> None:
    done = reviewed(tmp_path / "nowhere", home)
    assert done.returncode == NOT_SHOWN
    assert "is not a folder" in done.stdout


@pytest.mark.parametrize("name", ["proxy", "langchain"])
def test_a_repo_that_names_another_variant_is_told_apart(name: str, bakes: Bakes, home: Path, tmp_path: Path) -> None:
    """If a repo claims to be another variant, verify reports each adapter that is missing or not of that variant."""
    project = copy(bakes(name), tmp_path / "project")
    write_record(project, backend={"proxy": "langchain", "langchain": "proxy"}[name])
    done = reviewed(project, home)
    assert done.returncode == DIFFERS
    what = {"proxy": "missing", "langchain": UNKNOWN}[name]
    assert f"competitor/adapters/langchain/model.py: {what}" in done.stdout
