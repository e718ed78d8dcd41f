"""Tests that a generated repo and its two largest folders have no more lines than size.toml records."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

MAXIMA: dict[str, dict[str, Any]] = tomllib.loads(Path(__file__).with_name("size.toml").read_text(encoding="utf-8"))
# Locks and the licence cannot be shortened; the bases of an update are copies of files that are counted already.
NOT_COUNTED = ("LICENSE", "requirements.txt", "requirements-dev.txt", "package-lock.json", ".github/tools.txt")
BASES, CACHES = ".janus/base.json", ("__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache")


def counted(project: Path, folder: str) -> list[Path]:
    paths = sorted(path.relative_to(project) for path in (project / folder).rglob("*") if path.is_file())
    return [
        path
        for path in paths
        if not path.as_posix().startswith(BASES)
        and not path.as_posix().endswith(NOT_COUNTED)
        and not set(CACHES) & set(path.parts)
    ]


def lines(file: Path) -> int:
    """The number of lines of a file; 0 if the file is not text."""
    try:
        return len(file.read_text(encoding="utf-8").splitlines())
    except UnicodeDecodeError:
        return 0


@pytest.mark.parametrize("folder", MAXIMA)
def test_a_generated_repo_is_no_larger_than_recorded(folder: str, baked: Path) -> None:
    size = sum(lines(baked / path) for path in counted(baked, folder))
    maximum = MAXIMA[folder]["lines"]
    assert size <= maximum, (
        f"{folder} has {size} lines, {size - maximum} more than recorded: make it smaller, or raise its maximum"
        f" in tests/baking/size.toml to {-(-size // 50) * 50} and give the reason there"
    )


def test_every_maximum_has_its_reason() -> None:
    assert sorted(MAXIMA) == [".", "competitor/checks", "competitor/core"]
    for folder, recorded in MAXIMA.items():
        assert recorded["lines"] % 50 == 0, folder
        assert len(recorded["reason"].split()) > 3, folder


def test_what_is_counted_is_the_repo(baked: Path) -> None:
    paths = {path.as_posix() for path in counted(baked, ".")}
    assert {"README.md", "competitor/core/chat.py", "tests/contract/test_clauses.py", ".janus/contract.json"} <= paths
    assert not paths & {"LICENSE", "requirements.txt", "requirements-dev.txt", ".github/tools.txt"}
