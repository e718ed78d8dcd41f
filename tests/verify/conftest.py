"""Fixtures: a clean copy of a generated repo, a repo of 0.2.0, and the template before and after its release."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.release import LOCK, release

from ..baking.baking import VARIANTS, bake, clean_environment, copy_template, git
from ..template_path import TEMPLATE
from .repos import copy, record

# Runs `make release` although the core may have known gaps, since these tests also run between two releases.
RELEASE = "from tools import release; release.unfinished = lambda root: []; raise SystemExit(release.main())"


@pytest.fixture
def project(baked: Path, tmp_path: Path) -> Iterator[Path]:
    """A clean copy of a generated repo, without bytecode."""
    yield copy(baked, tmp_path / "project")
    subprocess.run(["rm", "-rf", tmp_path / "project"], check=True)  # Python cannot delete what is nested deeply


@pytest.fixture(scope="session")
def last_release(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repo of version 0.2.0, made by that version. Tests copy it."""
    folder = tmp_path_factory.mktemp("last")
    bundle = TEMPLATE / "tests" / "updating" / "older" / "0.2.0.bundle"
    git("clone", "-q", "-b", "main", str(bundle), str(folder / "template"), cwd=folder, home=home)
    (folder / "out").mkdir()
    return bake(folder / "out", home, {"backend": "tools"}, folder / "template")


@pytest.fixture(scope="session")
def unreleased(last_release: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the template as it is before `make release`: the last release is 0.2.0. Tests copy it.

    So the tests also hold on the commit of a release.
    """
    checkout = tmp_path_factory.mktemp("unreleased")
    copy_template(checkout)
    before, releases = record(last_release), json.loads((checkout / LOCK).read_text(encoding="utf-8"))["releases"]
    lock = {key: before[key] for key in ("template_version", "contract_version", "files")}
    (checkout / LOCK).write_text(json.dumps({**lock, "releases": {"0.2.0": releases["0.2.0"]}}), encoding="utf-8")
    changelog = checkout / "CHANGELOG.md"
    title, rest = re.split(r"(?<= - )[\d-]+$|(?<= - )unreleased$", changelog.read_text("utf-8"), maxsplit=1, flags=re.M)
    changelog.write_text(f"{title}unreleased{rest}", encoding="utf-8")
    return checkout


@pytest.fixture(scope="session")
def released(unreleased: Path, home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the template after `make release`. Tests copy it."""
    checkout = copy(unreleased, tmp_path_factory.mktemp("released") / "checkout")
    done = subprocess.run(
        [sys.executable, "-c", RELEASE], cwd=checkout, env=clean_environment(home), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    for name in VARIANTS:
        assert f"{name:<12} sha256:{release(checkout)['digests'][name]}\n" in done.stdout
    return checkout
