"""Where a repo may lie, and what it may have been through: renamed, without git, within another, updated twice."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from templates_variants.engine.update import transaction

from ..baking.baking import clean_environment, git, run
from . import newer, owner
from .updating import contract_files, plain, update

CORE = "competitor/core/answer/admission.py"


def test_a_renamed_folder_is_updated_and_cookiecutter_makes_no_second_one(
    worked_in: Path, pristine: Path, template: Path, home: Path, tmp_path: Path
) -> None:
    repo = owner.copy(worked_in, tmp_path / "otter")
    before = owner.everything(tmp_path)
    done = plain(repo, template.as_uri(), home)
    assert done.returncode != 0
    assert "this folder is otter, and its answers say my-competitor" in done.stderr
    assert owner.everything(tmp_path) == before
    assert update(repo, home).returncode == 0
    assert contract_files(repo) == contract_files(pristine)
    assert owner.lost(repo) == []


def test_a_folder_that_is_not_ours_is_refused(template: Path, home: Path, tmp_path: Path) -> None:
    folder = tmp_path / "my-competitor"
    folder.mkdir()
    (folder / "README.md").write_text("Another project.\n", encoding="utf-8")
    before = owner.everything(tmp_path)
    given = ("--no-input", "-f", "-o", str(tmp_path))
    done = run("cookiecutter", template.as_uri(), *given, cwd=tmp_path, home=home, check=False)
    assert done.returncode != 0
    assert "is no repo of this template: it has no .janus/answers.json" in done.stderr
    assert owner.everything(tmp_path) == before


@pytest.mark.slow
def test_a_folder_with_nothing_but_git_in_it_is_filled(
    template: Path, pristine: Path, home: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "my-competitor"
    folder.mkdir()
    git("init", "-q", cwd=folder, home=home)
    run("cookiecutter", template.as_uri(), "--no-input", "-f", "-o", str(tmp_path), cwd=tmp_path, home=home)
    assert owner.everything(folder) == owner.everything(pristine)


@pytest.mark.slow
def test_a_repo_without_git_is_updated_all_the_same(
    worked_in: Path, pristine: Path, home: Path, tmp_path: Path
) -> None:
    repo = owner.copy(worked_in, tmp_path / "my-competitor")
    shutil.rmtree(repo / ".git")
    assert update(repo, home).returncode == 0
    assert owner.lost(repo) == []
    assert contract_files(repo) == contract_files(pristine)


@pytest.mark.slow
def test_a_repo_within_another_one_asks_for_its_own_files_alone(worked_in: Path, home: Path, tmp_path: Path) -> None:
    repo = owner.copy(worked_in, tmp_path / "all" / "my-competitor")
    shutil.rmtree(repo / ".git")
    owner.commit(tmp_path / "all", home)
    (tmp_path / "all" / "elsewhere.txt").write_text("not committed", encoding="utf-8")
    assert update(repo, home).returncode == 0
    assert owner.lost(repo) == []
    owner.add_line(repo / "README.md", "Not committed.")
    assert "not all is committed" in update(repo, home).stderr


@pytest.mark.slow
def test_an_edited_contract_file_is_replaced_when_the_owner_says_so(
    worked_in: Path, pristine: Path, home: Path, tmp_path: Path
) -> None:
    repo = owner.copy(worked_in, tmp_path / "my-competitor")
    owner.add_line(repo / CORE, "MINE = 1")
    owner.commit(repo, home)
    assert update(repo, home, "--replace-edited").returncode == 0
    assert contract_files(repo) == contract_files(pristine)
    assert "MINE = 1" in git("show", f"HEAD:{CORE}", cwd=repo, home=home)


@pytest.mark.slow
def test_an_update_within_a_git_hook_works_on_its_own_repo(worked_in: Path, home: Path, tmp_path: Path) -> None:
    """git tells its hooks by variables where it works; an update must not follow them."""
    repo = owner.copy(worked_in, tmp_path / "my-competitor")
    done = update(repo, home, GIT_DIR=str(tmp_path / "elsewhere" / ".git"), GIT_INDEX_FILE="index")
    assert done.returncode == 0, done.stderr
    assert owner.lost(repo) == []


@pytest.mark.slow
def test_update_after_update_still_merges(worked_in: Path, home: Path, tmp_path: Path) -> None:
    """The base of each merge is the release before, which the repo itself keeps."""
    template = newer.releases(tmp_path / "template.git", home)
    repo = owner.copy(worked_in, tmp_path / "my-competitor")
    core = template / "{{cookiecutter.project_slug}}"
    for number in range(1, 4):
        readme = core / "README.md"
        text = readme.read_text(encoding="utf-8")
        readme.write_text(text.replace("## The image", f"Said {number} times.\n\n## The image"), encoding="utf-8")
        newer.release(template, home, f"9.{number}.0")
        owner.add_line(repo / "README.md", f"The owner's line {number}.")
        owner.commit(repo, home)
        done = update(repo, home, "--template", template.as_uri())
        assert done.returncode == 0, done.stdout + done.stderr
        owner.commit(repo, home)
    text = (repo / "README.md").read_text(encoding="utf-8")
    for number in range(1, 4):
        assert f"Said {number} times." in text
        assert f"The owner's line {number}." in text
    assert owner.lost(repo) == []


@pytest.mark.slow
def test_an_older_version_can_be_asked_for(worked_in: Path, untouched: Path, home: Path, tmp_path: Path) -> None:
    repo = owner.copy(worked_in, tmp_path / "my-competitor")
    assert update(repo, home).returncode == 0
    owner.commit(repo, home)
    assert update(repo, home, "--to", f"v{newer.version()}").returncode == 0
    assert contract_files(repo) == contract_files(untouched)
    assert owner.lost(repo) == []


@pytest.mark.slow
def test_two_updates_at_once_do_not_meet(worked_in: Path, home: Path, tmp_path: Path) -> None:
    repo = owner.copy(worked_in, tmp_path / "my-competitor")
    before = owner.everything(repo)
    transaction.prepare(
        repo, {"README.md": None}, process=os.getpid()
    )  # as this process would, in the midst of its own
    done = update(repo, home)
    assert done.returncode == 2
    assert f"another update of this repo is at work, as process {os.getpid()}" in done.stderr
    assert transaction.recover(repo) == []
    assert owner.everything(repo) == before


@pytest.mark.slow
def test_a_stale_lock_is_named_by_verify(worked_in: Path, home: Path, tmp_path: Path) -> None:
    repo = owner.copy(worked_in, tmp_path / "my-competitor")
    command = [sys.executable, "-m", "competitor", "verify"]
    environment = clean_environment(home)
    assert subprocess.run(command, cwd=repo, env=environment, capture_output=True, check=False).returncode == 0
    owner.add_line(repo / "competitor/backend/requirements.in", "six  # of the owner's")
    done = subprocess.run(command, cwd=repo, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "requirements.txt: stale, `make lock` regenerates it" in done.stdout.splitlines()
