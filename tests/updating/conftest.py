"""Fixtures: two releases of the template, and repos of the first release with and without an owner's changes."""

from pathlib import Path

import pytest

from ..baking.baking import run
from . import newer, owner


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="session")
def template(home: Path) -> Path:
    """Returns a git repository of the template with two releases: the working tree, and a newer one."""
    return newer.releases(home / "template.git", home)


@pytest.fixture(scope="session")
def untouched(template: Path, home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns a committed repo of the first release, without changes by the owner. Tests copy it."""
    folder = tmp_path_factory.mktemp("untouched")
    given = ("--checkout", f"v{newer.version()}", "--no-input", "-o", str(folder))
    run("cookiecutter", template.as_uri(), *given, cwd=folder, home=home)
    owner.commit(folder / "my-competitor", home)
    return folder / "my-competitor"


@pytest.fixture(scope="session")
def worked_in(untouched: Path, home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns a committed repo of the first release, with all of the owner's changes. Tests copy it."""
    repo = owner.copy(untouched, tmp_path_factory.mktemp("worked") / "my-competitor")
    owner.work(repo, home)
    return repo


@pytest.fixture(scope="session")
def pristine(template: Path, home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns a fresh bake of the newer release. Tests only read it."""
    folder = tmp_path_factory.mktemp("pristine")
    run("cookiecutter", template.as_uri(), "--no-input", "-o", str(folder), cwd=folder, home=home)
    return folder / "my-competitor"
