"""Migrates code in every style of import: a migration edits or lists each use of a changed name."""

import subprocess
import sys
from pathlib import Path

import pytest

from templates_variants.engine.update.migrations.changes import Migration
from templates_variants.engine.update.migrations.migrate import Migrated, migrate

from ...bakes import sampled
from ...baking.baking import VARIANTS, bake
from ..owner import copy
from .breaking import CHANGES, STYLES, change_api

MIGRATION = Migration(
    version="9.9.9",
    why="all of this has changed",
    modules={old: new for one in CHANGES.values() for old, new in one.modules.items()},
    names={old: new for one in CHANGES.values() for old, new in one.names.items()},
    changes=tuple(change for one in CHANGES.values() for change in one.changes),
)
TEST = (
    "from competitor.backend.own_{name} import run\n\n\ndef test_it() -> None:\n    assert repr(run()) == {result!r}\n"
)


@pytest.fixture(scope="module", params=sampled(sorted(VARIANTS)))
def repo(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("styles")
    (folder / "made").mkdir()
    return bake(folder / "made", folder, {"backend": request.param})


@pytest.fixture(scope="module")
def new(repo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns a copy of the repo that has the contract files of the new version."""
    changed = copy(repo, tmp_path_factory.mktemp("new") / "repo")
    change_api(changed)
    return changed


@pytest.mark.parametrize("style", STYLES, ids=lambda style: style.__name__)
def test_code_in_each_style_works_before_and_after(repo: Path, new: Path, style: object, tmp_path: Path) -> None:
    assert callable(style)
    code = {
        f"competitor/backend/{file}": text for name, one in CHANGES.items() for file, text in style(name, one).items()
    }
    tests = {f"tests/test_own_{name}.py": TEST.format(name=name, result=one.result) for name, one in CHANGES.items()}
    before = with_files(copy(repo, tmp_path / "before"), {**code, **tests})
    assert failures(before) == set()

    done = migrated(before, new, {**code, **tests})
    after = with_files(copy(new, tmp_path / "after"), {**code, **tests, **texts(done)})
    assert failures(after) == {name for name, one in CHANGES.items() if one.by_hand}
    for name, one in CHANGES.items():
        named = [line for line in done.left if f"_{name}.py:" in line]
        assert bool(named) == one.by_hand, (name, done.left)

    # Without the record of the version, these two kinds of changes would be made again.
    again = migrated(before, new, {**code, **tests, **texts(done)})
    lines = [change for change in again.files if "result" not in change and "new_field" not in change]
    assert lines == [], "a second migration must not edit the code again"


def migrated(old: Path, new: Path, files: dict[str, str]) -> Migrated:
    python = {path: text.encode() for path, text in files.items()}
    return migrate(python, {}, [MIGRATION], backend="proxy", new=new, old=old)


def with_files(repo: Path, files: dict[str, str]) -> Path:
    for path, text in files.items():
        (repo / path).write_text(text, encoding="utf-8")
    return repo


def texts(done: Migrated) -> dict[str, str]:
    return {path: data.decode() for path, data in done.files.items() if data is not None}


def failures(repo: Path) -> set[str]:
    """Runs the owner's tests. Returns the names of the breaking changes whose tests fail."""
    code = (
        "import importlib, pathlib, sys\n"
        "for file in sorted(pathlib.Path('tests').glob('test_own_*.py')):\n"
        "    try:\n"
        "        importlib.import_module('tests.' + file.stem).test_it()\n"
        "    except Exception as error:\n"
        "        print(file.stem.removeprefix('test_own_'), type(error).__name__, error, file=sys.stderr)\n"
        "        print(file.stem.removeprefix('test_own_'))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=repo, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    sys.stderr.write(done.stderr)
    return set(done.stdout.split())
