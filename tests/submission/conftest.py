"""Bakes that a test may change."""

import shutil
from pathlib import Path

import pytest

from ..generation.baking import bake, git


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="session")
def ready_once(tmp_path_factory: pytest.TempPathFactory, home: Path) -> Path:
    """A bake with all done that a submission wants, committed. Tests take copies."""
    from .forms import HOTKEY

    project = bake(tmp_path_factory.mktemp("ready"), home, {"github_owner": "octo-org", "hotkey": HOTKEY})
    changelog = project / "CHANGELOG.md"
    text = changelog.read_text(encoding="utf-8")
    changelog.write_text(text.replace("## [Unreleased]", "## [0.1.0] - 2026-01-01"), encoding="utf-8")
    git("init", "-q", cwd=project, home=home)
    git("add", "-A", cwd=project, home=home)
    git("commit", "-qm", "Ready", cwd=project, home=home)
    return project


@pytest.fixture
def ready(tmp_path: Path, ready_once: Path) -> Path:
    return Path(shutil.copytree(ready_once, tmp_path / ready_once.name))
