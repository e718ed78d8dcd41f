"""Fixture: the template as a git repository with a tag."""

from pathlib import Path

import pytest

from .baking import copy_template, git


@pytest.fixture(scope="session")
def template_repo(home: Path) -> Path:
    """Copies this template to the git repository `home/template.git`, which has the tag v1 and one later commit.

    The later commit adds a file. The file shows whether a bake used the newest commit instead of the tag.
    """
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
