"""Tests that an update from version 0.2.0 migrates the owner's files, and shows each change beforehand.

The older version is the bundle `older/0.2.0.bundle`; the newer one is the working tree.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from ..baking.baking import clean_environment, git, run
from ..once import once
from . import newer, owner
from .test_faults import update_with_fault
from .updating import plain, update

BUNDLE = Path(__file__).with_name("older") / "0.2.0.bundle"
AGENT, TOOLS, OWN = (f"competitor/backend/{name}.py" for name in ("agent", "tools", "own"))
OWN_CODE = "from ..core.llm import Completion  # my own\nfrom ..core.toolbox import Running\n\nMOST = Running.MOST\n"
IN_FULL_ONLY = ("nothing", "brain.py")  # `make test-update` runs these
WAITING = "`python -m competitor update` changes them for you"


@pytest.fixture(scope="module")
def older(request: pytest.FixtureRequest, home: Path) -> Path:
    """Returns a clone of version 0.2.0 of the template."""
    return once(
        request, "older-0.2.0", lambda folder: git("clone", "-q", "-b", "main", str(BUNDLE), ".", cwd=folder, home=home)
    )


@pytest.fixture(scope="module")
def release(request: pytest.FixtureRequest, home: Path, template: Path) -> str:
    """Returns the address of a template whose newest release is the working tree."""

    def make(folder: Path) -> None:
        git("clone", "-q", "--bare", str(template), ".", cwd=folder, home=home)
        git("tag", "-d", f"v{newer.next_version()}", cwd=folder, home=home)

    return once(request, "release.git", make).as_uri()


def made(older: Path, backend: str, folder: Path, home: Path) -> Path:
    """Returns a committed repo of version 0.2.0, with a module that the owner added."""
    run("cookiecutter", str(older), "--no-input", f"backend={backend}", "-o", str(folder), cwd=folder, home=home)
    repo = folder / "my-competitor"
    (repo / OWN).write_text(OWN_CODE, encoding="utf-8")
    owner.commit(repo, home)
    return repo


def test_a_migration_of_the_owner_s_files_is_shown_first_and_made_once(
    older: Path, release: str, home: Path, tmp_path: Path
) -> None:
    repo = made(older, "tools", tmp_path, home)
    before = owner.everything(repo)
    shown = update(repo, home, "--template", release, "--dry-run")
    assert shown.returncode == 0, shown.stdout + shown.stderr
    assert owner.everything(repo) == before
    for line in ("-from ..core.toolbox import Running", "+MOST = MAX_CALLS_AT_ONCE", f"  migrated  {AGENT}"):
        assert line in shown.stdout.splitlines(), shown.stdout

    done = update(repo, home, "--template", release)
    assert done.returncode == 0, done.stdout + done.stderr
    text = (repo / OWN).read_text(encoding="utf-8")
    assert text.startswith("# my own\nfrom ..api import") or "# my own" in text
    assert text.endswith("\nMOST = MAX_CALLS_AT_ONCE\n")
    imports = "import competitor.backend.agent, competitor.backend.own as own; print(own.MOST)"
    assert subprocess.run([sys.executable, "-c", imports], cwd=repo, check=True, capture_output=True).stdout
    owner.commit(repo, home)

    after = owner.everything(repo)
    again = update(repo, home, "--template", release)
    assert "up to date" in again.stdout
    assert owner.everything(repo) == after


@pytest.mark.slow
def test_cookiecutter_lists_the_lines_and_the_command_that_changes_them(
    older: Path, release: str, home: Path, tmp_path: Path
) -> None:
    repo = made(older, "proxy", tmp_path, home)
    done = plain(repo, release, home, flags=("--checkout", f"v{newer.version()}"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert (repo / OWN).read_text(encoding="utf-8") == OWN_CODE
    assert f"{OWN}:4: MOST = Running.MOST -> MOST = MAX_CALLS_AT_ONCE" in done.stdout
    assert WAITING in done.stdout
    owner.commit(repo, home)

    named = update(repo, home, "--template", release, "--no-migrate")
    assert f"{OWN}:4:" in named.stdout
    assert (repo / OWN).read_text(encoding="utf-8") == OWN_CODE

    migrated = update(repo, home, "--template", release)
    assert migrated.returncode == 0, migrated.stdout + migrated.stderr
    assert "MAX_CALLS_AT_ONCE" in (repo / OWN).read_text(encoding="utf-8")
    assert "from ..api import" in (repo / AGENT).read_text(encoding="utf-8")
    owner.commit(repo, home)
    assert "up to date" in update(repo, home, "--template", release).stdout


@pytest.mark.parametrize("edited", [*(pytest.param(name, marks=pytest.mark.slow) for name in IN_FULL_ONLY), "answer"])
@pytest.mark.slow
def test_old_langchain_modules_are_deleted_unless_the_owner_changed_them(
    edited: str, older: Path, release: str, home: Path, tmp_path: Path
) -> None:
    repo = made(older, "langchain", tmp_path, home)
    if edited == "brain.py":
        owner.add_line(repo / "competitor/backend/brain.py", "# An idea of the owner's.")
    elif edited == "answer":
        text = (
            (repo / AGENT)
            .read_text(encoding="utf-8")
            .replace("        yield event", "        yield event  # now\n        pass")
        )
        (repo / AGENT).write_text(text, encoding="utf-8")
    if edited != "nothing":
        owner.commit(repo, home)
    done = update(repo, home, "--template", release)
    assert done.returncode == 0, done.stdout + done.stderr
    left = {path.name for path in (repo / "competitor/backend").glob("*.py")}
    if edited == "nothing":
        assert left == {"__init__.py", "agent.py", "models.py", "own.py", "tools.py"}
    else:
        assert {"brain.py", "conduct.py", "wire.py"} < left
        told = (
            "competitor/backend/brain.py: you changed"
            if edited == "brain.py"
            else f"{AGENT}: you changed the code that uses"
        )
        assert told in done.stdout
    requirements = (repo / "competitor/backend/requirements.in").read_text(encoding="utf-8")
    assert "-r ../adapters/langchain/requirements.in" in requirements.splitlines()
    tests = [sys.executable, "-m", "pytest", "-q", "-p", "no:asyncio", "tests/test_backend.py", "-k", "answer or tool"]
    ran = subprocess.run(tests, cwd=repo, env=clean_environment(home), capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["exception", "sigkill", "full disk"])
def test_a_fault_during_a_migration_leaves_the_repo_as_it_was(
    kind: str, older: Path, release: str, home: Path, tmp_path: Path
) -> None:
    """The fault (Ctrl-C, a kill or a full disk) happens at ten moments, from the first step to the last."""
    first = made(older, "langchain", tmp_path, home)
    counted = owner.copy(first, tmp_path / "counted")
    address = ("--template", release)
    done = update_with_fault(counted, home, "count", *address, FAULT_COUNT=str(tmp_path / "count"))
    assert done.returncode == 0, done.stderr
    assert not (counted / "competitor/backend/brain.py").exists()
    steps = json.loads((tmp_path / "count").read_text(encoding="utf-8"))["done"]
    for share in range(10):
        repo = owner.copy(first, tmp_path / f"{share}")
        before = owner.everything(repo)
        fault = "ctrl-c" if kind == "exception" else kind
        struck = update_with_fault(repo, home, f"{fault}:{1 + share * (steps - 1) // 9}", *address)
        assert struck.returncode != 0
        if kind == "sigkill":
            again = update(repo, home, *address, "--dry-run")
            assert again.returncode == 0, again.stderr
        assert owner.everything(repo) == before, f"{kind} at {share} of 9"
