"""Tests updates of repos in unusual places and states: renamed, without git, inside another repo, updated twice."""

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


@pytest.mark.slow
def test_a_renamed_folder_is_updated_and_cookiecutter_makes_no_second_repo(
    worked_in: Path, pristine: Path, template: Path, home: Path, tmp_path: Path
) -> None:
    repo = owner.copy(worked_in, tmp_path / "otter")
    before = owner.everything(tmp_path)
    done = plain(repo, template.as_uri(), home)
    assert done.returncode != 0
    assert "this folder is named otter, but the repo was made as my-competitor" in done.stderr
    assert owner.everything(tmp_path) == before
    assert update(repo, home).returncode == 0
    assert contract_files(repo) == contract_files(pristine)
    assert owner.lost(repo) == []


def test_a_folder_that_the_template_did_not_make_is_refused(template: Path, home: Path, tmp_path: Path) -> None:
    folder = tmp_path / "my-competitor"
    folder.mkdir()
    (folder / "README.md").write_text("Another project.\n", encoding="utf-8")
    before = owner.everything(tmp_path)
    given = ("--no-input", "-f", "-o", str(tmp_path))
    done = run("cookiecutter", template.as_uri(), *given, cwd=tmp_path, home=home, check=False)
    assert done.returncode != 0
    assert "was not made from this template: it has no .janus/answers.json" in done.stderr
    assert owner.everything(tmp_path) == before


@pytest.mark.slow
def test_a_folder_with_only_git_in_it_gets_a_new_repo(
    template: Path, pristine: Path, home: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "my-competitor"
    folder.mkdir()
    git("init", "-q", cwd=folder, home=home)
    run("cookiecutter", template.as_uri(), "--no-input", "-f", "-o", str(tmp_path), cwd=tmp_path, home=home)
    assert owner.everything(folder) == owner.everything(pristine)


@pytest.mark.slow
def test_a_repo_without_git_is_updated(worked_in: Path, pristine: Path, home: Path, tmp_path: Path) -> None:
    repo = owner.copy(worked_in, tmp_path / "my-competitor")
    shutil.rmtree(repo / ".git")
    assert update(repo, home).returncode == 0
    assert owner.lost(repo) == []
    assert contract_files(repo) == contract_files(pristine)


@pytest.mark.slow
def test_a_repo_inside_another_one_must_have_only_its_own_files_committed(
    worked_in: Path, home: Path, tmp_path: Path
) -> None:
    repo = owner.copy(worked_in, tmp_path / "all" / "my-competitor")
    shutil.rmtree(repo / ".git")
    owner.commit(tmp_path / "all", home)
    (tmp_path / "all" / "elsewhere.txt").write_text("not committed", encoding="utf-8")
    assert update(repo, home).returncode == 0
    assert owner.lost(repo) == []
    owner.add_line(repo / "README.md", "Not committed.")
    assert "there are uncommitted changes" in update(repo, home).stderr


@pytest.mark.slow
def test_an_edited_contract_file_is_replaced_with_replace_edited(
    worked_in: Path, pristine: Path, home: Path, tmp_path: Path
) -> None:
    repo = owner.copy(worked_in, tmp_path / "my-competitor")
    owner.add_line(repo / CORE, "MINE = 1")
    owner.commit(repo, home)
    assert update(repo, home, "--replace-edited").returncode == 0
    assert contract_files(repo) == contract_files(pristine)
    assert "MINE = 1" in git("show", f"HEAD:{CORE}", cwd=repo, home=home)


@pytest.mark.slow
def test_an_update_inside_a_git_hook_works_on_its_own_repo(worked_in: Path, home: Path, tmp_path: Path) -> None:
    """In a hook, git sets variables such as GIT_DIR to paths of the hook's repository. An update must ignore them."""
    repo = owner.copy(worked_in, tmp_path / "my-competitor")
    done = update(repo, home, GIT_DIR=str(tmp_path / "elsewhere" / ".git"), GIT_INDEX_FILE="index")
    assert done.returncode == 0, done.stderr
    assert owner.lost(repo) == []


@pytest.mark.slow
def test_several_updates_in_a_row_still_merge(worked_in: Path, home: Path, tmp_path: Path) -> None:
    """The base of each merge is the file of the previous release. The repo keeps a copy of it."""
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
def test_an_update_to_an_older_version_works(worked_in: Path, untouched: Path, home: Path, tmp_path: Path) -> None:
    repo = owner.copy(worked_in, tmp_path / "my-competitor")
    assert update(repo, home).returncode == 0
    owner.commit(repo, home)
    assert update(repo, home, "--to", f"v{newer.version()}").returncode == 0
    assert contract_files(repo) == contract_files(untouched)
    assert owner.lost(repo) == []


@pytest.mark.slow
def test_a_second_update_is_refused_while_one_is_running(worked_in: Path, home: Path, tmp_path: Path) -> None:
    repo = owner.copy(worked_in, tmp_path / "my-competitor")
    before = owner.everything(repo)
    transaction.prepare(repo, {"README.md": None}, process=os.getpid())  # as if this process were updating the repo
    done = update(repo, home)
    assert done.returncode == 2
    assert f"another update of this repo is running as process {os.getpid()}" in done.stderr
    assert transaction.recover(repo) == []
    assert owner.everything(repo) == before


@pytest.mark.slow
def test_verify_reports_a_stale_lock(worked_in: Path, home: Path, tmp_path: Path) -> None:
    repo = owner.copy(worked_in, tmp_path / "my-competitor")
    command = [sys.executable, "-m", "competitor", "verify"]
    environment = clean_environment(home)
    assert subprocess.run(command, cwd=repo, env=environment, capture_output=True, check=False).returncode == 0
    owner.add_line(repo / "competitor/backend/requirements.in", "six  # of the owner's")
    done = subprocess.run(command, cwd=repo, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "requirements.txt: stale, `make lock` regenerates it" in done.stdout.splitlines()
