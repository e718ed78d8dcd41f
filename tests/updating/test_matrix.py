"""Updates repos of every backend from older versions: no change of the owner is lost, and the repo works.

`make test-update` runs these tests. The older versions are the bundles in `older/`, made by tools/older.py.
"""

import subprocess
import sys
from pathlib import Path

import pytest

from ..baking.baking import clean_environment, git, run
from ..template_path import TEMPLATE
from . import newer, owner
from .updating import contract_files, plain

BACKENDS = sorted(folder.parent.name for folder in TEMPLATE.glob("templates_variants/*/{{cookiecutter.project_slug}}"))
OLDER = sorted(Path(__file__).with_name("older").glob("*.bundle"))
DEPENDENCY = "six==1.17.0  # of the owner's"
TEST_SECONDS = 1500

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=OLDER, ids=lambda bundle: bundle.stem)
def older(request: pytest.FixtureRequest, home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    goal = tmp_path_factory.mktemp("older") / "template"
    git("clone", "-q", "-b", "main", str(request.param), str(goal), cwd=goal.parent, home=home)
    return goal


def backends_of(template: Path) -> set[str]:
    return {folder.parent.name for folder in template.glob("templates_variants/*/{{cookiecutter.project_slug}}")}


def test_the_backends_of_an_older_version_still_exist(older: Path) -> None:
    """Otherwise a repo that has one could not be updated. `make older` packs a version."""
    assert {"proxy", "tools", "langchain"} <= backends_of(older) <= set(BACKENDS)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("way", ["updater", "cookiecutter -f"])
def test_an_update_from_an_older_version_keeps_all_and_works(
    way: str, backend: str, older: Path, template: Path, home: Path, tmp_path: Path
) -> None:
    if backend not in backends_of(older):
        pytest.skip("this backend is newer")
    made = ("--no-input", f"backend={backend}", "-o", str(tmp_path))
    run("cookiecutter", str(older), *made, cwd=tmp_path, home=home)
    repo = tmp_path / "my-competitor"
    owner.work(repo, home, dependency=DEPENDENCY)
    competitor(repo, home, "lock")
    owner.commit(repo, home)

    done = updated(way, repo, template, home)
    assert done.returncode == 0, done.stdout + done.stderr

    assert owner.lost(repo) == []
    assert DEPENDENCY in (repo / "competitor/backend/requirements.in").read_text(encoding="utf-8")
    (tmp_path / "fresh").mkdir()
    fresh = ("--no-input", f"backend={backend}", "-o", str(tmp_path / "fresh"))
    run("cookiecutter", template.as_uri(), *fresh, cwd=tmp_path, home=home)
    assert contract_files(repo) == contract_files(tmp_path / "fresh" / "my-competitor")
    for path in (newer.DROPPED, newer.RENAMED, newer.DROPPED_SHARED):
        assert not (repo / path).exists(), path

    assert "`make lock`" in done.stdout
    competitor(repo, home, "lock")
    assert "six==1.17.0" in (repo / "requirements.txt").read_text(encoding="utf-8")
    owner.commit(repo, home)
    before = owner.everything(repo)
    again = updated(way, repo, template, home)
    assert again.returncode == 0
    assert "up to date" in again.stdout
    assert owner.everything(repo) == before

    if way == "cookiecutter -f":  # it only lists the lines to change in the owner's files
        migrated = updated("updater", repo, template, home)
        assert migrated.returncode == 0, migrated.stdout + migrated.stderr
    competitor(repo, home, "verify")
    assert " passed" in competitor(repo, home, "test", *outdated(repo, backend)).stdout


def updated(way: str, repo: Path, template: Path, home: Path) -> "subprocess.CompletedProcess[str]":
    """Updates the repo with `competitor update`, or if it has no such command, with the new template's updater."""
    if way == "cookiecutter -f":
        return plain(repo, template.as_uri(), home)
    if any((repo / "competitor" / path).exists() for path in ("update.py", "cli/update.py")):
        command = ["-m", "competitor", "update", "--template", template.as_uri()]
    else:
        command = [
            str(template / "templates_variants" / "update.py"),
            "--project",
            str(repo),
            "--template",
            template.as_uri(),
        ]
    return subprocess.run(
        [sys.executable, *command, "--yes"],
        cwd=repo,
        env=clean_environment(home),
        capture_output=True,
        text=True,
        check=False,
    )


def outdated(repo: Path, backend: str) -> list[str]:
    """Options that leave out a test from a commit before 0.2.0: at that time, tools did not report their artifacts."""
    text = (repo / "tests/test_backend.py").read_text(encoding="utf-8")
    lists_all_events = 'assert events == ["tool_start", "tool_start", "tool_end", "tool_end"]' in text
    return ["-k", "not run_at_once"] if backend == "tools" and lists_all_events else []


def competitor(repo: Path, home: Path, *command: str) -> "subprocess.CompletedProcess[str]":
    """Runs `python -m competitor COMMAND`, which must succeed. Keeps the environment variables that pip reads."""
    done = subprocess.run(
        [sys.executable, "-m", "competitor", *command],
        cwd=repo,
        capture_output=True,
        text=True,
        timeout=TEST_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    return done
