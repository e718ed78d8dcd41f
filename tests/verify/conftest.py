"""Fixtures: a clean copy of a generated repo, a repo of the last release, and a released copy of the template."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.release import release

from ..baking.baking import VARIANTS, bake, copy_template, git, run
from ..template_path import TEMPLATE
from .repos import copy


@pytest.fixture
def project(baked: Path, tmp_path: Path) -> Iterator[Path]:
    """A clean copy of a generated repo, without bytecode."""
    yield copy(baked, tmp_path / "project")
    subprocess.run(["rm", "-rf", tmp_path / "project"], check=True)  # Python cannot delete what is nested deeply


@pytest.fixture(scope="module")
def last_release(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repo of version 0.2.0, made by that version. Tests copy it."""
    folder = tmp_path_factory.mktemp("last")
    bundle = TEMPLATE / "tests" / "updating" / "older" / "0.2.0.bundle"
    git("clone", "-q", "-b", "main", str(bundle), str(folder / "template"), cwd=folder, home=home)
    (folder / "out").mkdir()
    return bake(folder / "out", home, {"backend": "tools"}, folder / "template")


@pytest.fixture(scope="module")
def released(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the template after `make release`. Tests copy it."""
    checkout = tmp_path_factory.mktemp("released")
    copy_template(checkout)
    done = run("tools.release", cwd=checkout, home=home)
    assert done.returncode == 0, done.stderr
    for name in VARIANTS:
        assert f"{name:<12} sha256:{release(checkout)['digests'][name]}\n" in done.stdout
    return checkout
