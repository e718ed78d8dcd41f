"""Bakes, one a variant and session, and the template as a git repository with a tag."""

from pathlib import Path

import pytest

from .baking import VARIANTS, bake, copy_template, git


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="session")
def template_repo(home: Path) -> Path:
    """This template in `home/template.git`, committed, tagged v1, and then changed, so that a checkout shows."""
    repo = home / "template.git"
    copy_template(repo)
    git("init", "-q", "-b", "main", cwd=repo, home=home)
    git("add", "-A", cwd=repo, home=home)
    git("commit", "-qm", "one", cwd=repo, home=home)
    git("tag", "v1", cwd=repo, home=home)
    (repo / "{{cookiecutter.project_slug}}" / "LATER.md").write_text("later\n", encoding="utf-8")
    git("add", "-A", cwd=repo, home=home)
    git("commit", "-qm", "two", cwd=repo, home=home)
    return repo


@pytest.fixture(scope="session")
def baked(tmp_path_factory: pytest.TempPathFactory, home: Path) -> Path:
    """A project baked with all defaults. Tests only read it."""
    return bake(tmp_path_factory.mktemp("baked"), home)


@pytest.fixture(scope="session", params=VARIANTS)
def each(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, home: Path) -> Path:
    """A project of each variant. Tests only read it."""
    return bake(tmp_path_factory.mktemp(request.param), home, {"backend": request.param})
