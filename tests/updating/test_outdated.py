"""Tests that `competitor outdated` reports a newer version and what an update would do, and changes nothing."""

import json
from pathlib import Path

import pytest

from ..baking.baking import run
from . import newer, owner
from .updating import recorded_template, update

CORE = "competitor/core/answer/admission.py"


def outdated(repo: Path, home: Path, *options: str) -> "tuple[int, str, str]":
    done = run("competitor", "outdated", *recorded_template(repo), *options, cwd=repo, home=home, check=False)
    return done.returncode, done.stdout, done.stderr


def test_it_says_versions_changes_of_the_contract_and_conflicts(untouched: Path, home: Path, tmp_path: Path) -> None:
    repo = owner.copy(untouched, tmp_path / "my-competitor")
    makefile = repo / "Makefile"
    text = makefile.read_text(encoding="utf-8").replace("## build the container", "## build it my way")
    makefile.write_text(text, encoding="utf-8")
    owner.add_line(repo / CORE, "MINE = 1")  # neither is committed: outdated may be asked at any time
    before = owner.everything(repo)
    code, said, problems = outdated(repo, home, "--json")
    assert code == 1, problems
    found = json.loads(said)
    assert found["template"] == {"yours": newer.version(), "newest": newer.next_version()}
    assert found["contract"] == {"yours": newer.contract(), "newest": newer.next_contract()}
    assert newer.CONTRACT_BULLET in found["contract_changes"]
    assert found["conflicts"] == ["Makefile"]
    assert list(found["blocked"]) == [CORE]
    assert newer.NEW in found["files"]["new"]
    code, said, _ = outdated(repo, home)
    assert code == 1
    for line in (f"janus-template {newer.version()} -> {newer.next_version()}", "Conflicts to resolve: Makefile", CORE):
        assert line in said
    assert owner.everything(repo) == before


@pytest.mark.slow
def test_it_says_that_a_repo_is_up_to_date(untouched: Path, template: Path, home: Path, tmp_path: Path) -> None:
    repo = owner.copy(untouched, tmp_path / "my-competitor")
    assert update(repo, home).returncode == 0
    before = owner.everything(repo)
    code, said, _ = outdated(repo, home)
    assert (code, said.splitlines()[-1]) == (
        0,
        f"Up to date: janus-template {newer.next_version()}, contract {newer.next_contract()}.",
    )
    code, said, _ = outdated(repo, home, "--json")
    assert (code, json.loads(said)["outdated"]) == (0, False)
    assert owner.everything(repo) == before


@pytest.mark.parametrize("address", ["file:///nowhere/template.git", "http://127.0.0.1:9/t.git"])
def test_it_cannot_say_without_the_template(address: str, untouched: Path, home: Path) -> None:
    code, said, problems = outdated(untouched, home, "--json", "--template", address)
    assert (code, said) == (2, "")
    assert problems.splitlines()[-1].startswith("Nothing was changed: ")
