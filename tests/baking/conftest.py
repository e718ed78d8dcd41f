"""Fixture: the template as a git repository with a tag."""

from pathlib import Path

import pytest

from .baking import copy_template, git


@pytest.fixture(scope="session")
def template_repo(home: Path) -> Path:
    """This template in `home/template.git`. A commit after the tag v1 shows whether a bake checks out the tag."""
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
