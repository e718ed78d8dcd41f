"""Fixtures: two releases of the template, and repos of the first release with and without an owner's changes."""

from pathlib import Path

import pytest

from ..baking.baking import run
from ..once import once
from . import newer, owner


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="session")
def template(request: pytest.FixtureRequest, home: Path) -> Path:
    """Returns a git repository of the template with two releases: the working tree, and a newer one."""
    return once(request, "template.git", lambda folder: newer.releases(folder, home))


@pytest.fixture(scope="session")
def untouched(request: pytest.FixtureRequest, template: Path, home: Path) -> Path:
    """Returns a committed repo of the first release, without changes by the owner. Tests copy it."""

    def make(folder: Path) -> None:
        given = ("--checkout", f"v{newer.version()}", "--no-input", "-o", str(folder))
        run("cookiecutter", template.as_uri(), *given, cwd=folder, home=home)
        owner.commit(folder / "my-competitor", home)

    return once(request, "untouched", make) / "my-competitor"


@pytest.fixture(scope="session")
def worked_in(request: pytest.FixtureRequest, untouched: Path, home: Path) -> Path:
    """Returns a committed repo of the first release, with all of the owner's changes. Tests copy it."""
    return (
        once(request, "worked-in", lambda folder: owner.work(owner.copy(untouched, folder / "my-competitor"), home))
        / "my-competitor"
    )


@pytest.fixture(scope="session")
def pristine(request: pytest.FixtureRequest, template: Path, home: Path) -> Path:
    """Returns a fresh bake of the newer release. Tests only read it."""

    def make(folder: Path) -> None:
        run("cookiecutter", template.as_uri(), "--no-input", "-o", str(folder), cwd=folder, home=home)

    return once(request, "pristine", make) / "my-competitor"
