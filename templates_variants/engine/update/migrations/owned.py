"""Finds the files of an owner that a migration may change."""

import os
from collections.abc import Iterator
from pathlib import Path

from templates_variants.engine.bake.files import CACHES
from templates_variants.engine.bake.zones import zone_of
from templates_variants.engine.update.git import git

MAX_BYTES = 1_000_000
_SETTINGS = (".env", ".yml", ".yaml", ".toml", ".cfg", ".ini", ".sh", ".conf", ".service")
_SETTINGS_NAMES = ("Dockerfile", "Containerfile", "Makefile", "Procfile", "justfile")


def python_files(project: Path) -> list[str]:
    """Returns the owner's Python files, sorted: all Python files of the repo except contract files."""
    return [path for path in _files(project) if path.endswith(".py") and zone_of(path) != "contract"]


def settings_files(project: Path) -> list[str]:
    """Returns the files that may set environment variables: `.env` (even if git ignores it), compose, CI, scripts."""
    found = {path for path in _files(project) if _may_have_settings(path) and zone_of(path) in ("owner", "shared")}
    found |= {path.name for path in project.glob(".env*") if path.is_file() and not path.is_symlink()}
    return sorted(found)


def _may_have_settings(path: str) -> bool:
    name = path.rpartition("/")[2]
    return name.endswith(_SETTINGS) or name.startswith((".env", *_SETTINGS_NAMES))


def _files(project: Path) -> list[str]:
    """Returns the regular files that git tracks or does not ignore. Without git, skips caches and environments."""
    listed = git(project, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    if listed.returncode == 0:
        paths: Iterator[str] = (os.fsdecode(path) for path in listed.stdout.split(b"\0") if path)
    else:
        paths = _walked(project)
    return sorted({path for path in paths if _is_plain(project, path)})


def _walked(project: Path) -> Iterator[str]:
    for folder, folders, names in os.walk(project):
        here = Path(folder)
        folders[:] = [
            name
            for name in folders
            if name not in (".git", ".venv", "node_modules", *CACHES) and not (here / name / "pyvenv.cfg").exists()
        ]
        yield from ((here / name).relative_to(project).as_posix() for name in names)


def _is_plain(project: Path, path: str) -> bool:
    file = project / path
    if path.startswith((".janus/", "backend_old")) or file.is_symlink() or not file.is_file():
        return False
    return file.stat().st_size <= MAX_BYTES and not _through_a_link(project, path)


def _through_a_link(project: Path, path: str) -> bool:
    return any((project / parent).is_symlink() for parent in list(Path(path).parents)[:-1])
