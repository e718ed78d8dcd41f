"""Fixtures: generated repos that a test may change."""

import shutil
from pathlib import Path

import pytest

from ..baking.baking import bake, git
from ..once import once
from .forms import HOTKEY


@pytest.fixture(scope="session")
def ready_once(request: pytest.FixtureRequest, home: Path) -> Path:
    """A generated repo that is ready to submit, with all files committed. Tests work on copies of it."""
    (project,) = once(request, "ready", lambda folder: made_ready(folder, home)).iterdir()
    return project


def made_ready(folder: Path, home: Path) -> None:
    project = bake(folder, home, {"github_owner": "octo-org", "hotkey": HOTKEY})
    changelog = project / "CHANGELOG.md"
    text = changelog.read_text(encoding="utf-8")
    changelog.write_text(text.replace("## [Unreleased]", "## [0.1.0] - 2026-01-01"), encoding="utf-8")
    git("init", "-q", cwd=project, home=home)
    git("add", "-A", cwd=project, home=home)
    git("commit", "-qm", "Ready", cwd=project, home=home)


@pytest.fixture
def ready(tmp_path: Path, ready_once: Path) -> Path:
    return Path(shutil.copytree(ready_once, tmp_path / ready_once.name))
