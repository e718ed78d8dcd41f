"""Tests updates with other tools: with cruft, and with old and new versions of cookiecutter and Python.

`make test-update` runs these tests. They install packages from PyPI. Cookiecutter 2.1.1 and newer are supported.
"""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ..baking.baking import clean_environment, contents, run
from . import newer, owner
from .updating import contract_files, recorded_template, update

COOKIECUTTERS = ("2.1.1", "2.2.3", "2.3.1", "2.4.0", "2.5.0", "2.6.0", "2.7.1")
INSTALL_SECONDS = 1200

pytestmark = pytest.mark.slow


def pythons() -> list[str]:
    """Returns the paths of the installed Pythons, 3.11 or newer; if there are none, the path of the running Python."""
    found = []
    for minor in range(11, 20):
        name = shutil.which(f"python3.{minor}")
        if name and subprocess.run([name, "-c", "import venv"], capture_output=True, check=False).returncode == 0:
            found.append(name)
    return found or [sys.executable]


PYTHONS = {Path(name).name: name for name in pythons()}
NEWEST = list(PYTHONS)[-1]
PAIRS = sorted({(version, next(iter(PYTHONS))) for version in COOKIECUTTERS} | {("2.7.1", name) for name in PYTHONS})


@pytest.mark.parametrize(("version", "python"), PAIRS)
def test_bakes_and_updates_are_the_same_with_this_cookiecutter(
    version: str, python: str, worked_in: Path, pristine: Path, template: Path, home: Path, tmp_path: Path
) -> None:
    inside = environment(python, f"cookiecutter=={version}", tmp_path / "environment")

    def with_it(*command: str, cwd: Path) -> "subprocess.CompletedProcess[str]":
        done = subprocess.run(
            [inside, *command], cwd=cwd, env=clean_environment(home), capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done

    address, fresh = template.as_uri(), tmp_path / "fresh"
    fresh.mkdir()
    with_it("-m", "cookiecutter", address, "--no-input", "-o", str(fresh), cwd=fresh)
    assert contents(fresh / "my-competitor") == contents(pristine)

    plain = owner.copy(worked_in, tmp_path / "plain" / "my-competitor")
    given = ("--no-input", "--config-file", ".janus/answers.json", "-f", "-o", "..")
    with_it("-m", "cookiecutter", address, *given, cwd=plain)
    ours = owner.copy(worked_in, tmp_path / "ours" / "my-competitor")
    with_it("-m", "competitor", "update", "--yes", *recorded_template(ours), cwd=ours)
    for repo in (plain, ours):
        assert owner.lost(repo) == []
        assert contract_files(repo) == contract_files(pristine)
    assert owner.everything(plain) == owner.everything(ours)


def environment(python: str, wanted: str, folder: Path) -> str:
    """Makes a virtual environment with one package and its dependencies. Returns the path of its Python."""
    subprocess.run([PYTHONS[python], "-m", "venv", folder], check=True, timeout=INSTALL_SECONDS)
    inside = str(folder / "bin" / "python")
    pip = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    subprocess.run([inside, *pip, wanted], check=True, timeout=INSTALL_SECONDS)
    return inside


def test_an_update_fetches_cookiecutter_when_it_is_not_installed(
    worked_in: Path, pristine: Path, home: Path, tmp_path: Path
) -> None:
    subprocess.run([PYTHONS[NEWEST], "-m", "venv", tmp_path / "bare"], check=True, timeout=INSTALL_SECONDS)
    repo = owner.copy(worked_in, tmp_path / "my-competitor")
    python = str(tmp_path / "bare" / "bin" / "python")
    command = [python, "-m", "competitor", "update", "--yes", *recorded_template(repo)]

    before = owner.everything(repo)
    nowhere = {"PIP_INDEX_URL": "http://127.0.0.1:9/", "PIP_RETRIES": "0", "PIP_CONFIG_FILE": "/dev/null"}
    offline = {**clean_environment(home), **nowhere}
    done = subprocess.run(command, cwd=repo, env=offline, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "Nothing was changed: cookiecutter could not be fetched (" in done.stderr
    assert owner.everything(repo) == before

    done = subprocess.run(command, cwd=repo, capture_output=True, text=True, check=False, timeout=INSTALL_SECONDS)
    assert done.returncode == 0, done.stderr
    assert "Fetching cookiecutter for this update ..." in done.stderr
    assert owner.lost(repo) == []
    assert contract_files(repo) == contract_files(pristine)


@pytest.fixture
def linked(worked_in: Path, template: Path, home: Path, tmp_path: Path) -> Path:
    """Returns a repo that cookiecutter baked, the owner changed, and `cruft link` then linked to the template."""
    repo = owner.copy(worked_in, tmp_path / "my-competitor")
    given = ("--checkout", f"v{newer.version()}", "--config-file", ".janus/answers.json")
    run("cruft", "link", "-y", template.as_uri(), *given, cwd=repo, home=home)
    owner.commit(repo, home)
    return repo


def test_cruft_can_update_a_repo_that_cookiecutter_baked(linked: Path, pristine: Path, home: Path) -> None:
    assert run("cruft", "check", cwd=linked, home=home, check=False).returncode == 1
    run("cruft", "update", "-y", cwd=linked, home=home)
    assert owner.lost(linked) == []
    assert contract_files(linked) == contract_files(pristine)
    assert newer.README_LINE in (linked / "README.md").read_text(encoding="utf-8")
    assert run("cruft", "check", cwd=linked, home=home, check=False).returncode == 0
    owner.commit(linked, home)
    before = owner.everything(linked)
    done = update(linked, home)
    assert done.returncode == 0, done.stderr
    assert "up to date" in done.stdout
    assert owner.everything(linked) == before


def test_cruft_continues_from_an_update_by_competitor_update(linked: Path, home: Path) -> None:
    assert update(linked, home).returncode == 0
    owner.commit(linked, home)
    assert run("cruft", "check", cwd=linked, home=home, check=False).returncode == 0
    assert "up to date" in run("cruft", "update", "-y", cwd=linked, home=home).stdout
