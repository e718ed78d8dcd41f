"""Replaces the owner's backend by another one, and keeps all files of the old one in a folder beside it."""

import os
from collections.abc import Iterator
from pathlib import Path

from templates_variants.engine.update.plan import Repo, Step, unused

BACKEND = "competitor/backend"


def steps(repo: Repo) -> Iterator[Step]:
    """Moves the owner's backend with its test to `backend_old/`, and adds the new one."""
    kept = unused(repo.project, "backend_old")
    for path in sorted({*_files(repo.project), *_elsewhere(repo)}):
        yield Step(f"{kept}/{path}", "moved", source=path, note=f"from {path}")
        yield Step(path, "gone")
    for path in sorted(repo.now.variant):
        yield Step(path, "new", repo.theirs(path))


def _elsewhere(repo: Repo) -> set[str]:
    """The existing files of both variants outside the backend's folder, such as a test."""
    brought = {path for path in repo.was.variant | repo.now.variant if not path.startswith(f"{BACKEND}/")}
    return {path for path in brought if os.path.lexists(repo.project / path)}


def _files(project: Path) -> set[str]:
    """All files in the backend's folder, also those that git ignores; links count as files."""
    found = set()
    for folder, folders, files in os.walk(project / BACKEND):
        folders[:] = [name for name in folders if name != "__pycache__"]
        links = [name for name in folders if os.path.islink(os.path.join(folder, name))]
        found |= {(Path(folder) / name).relative_to(project).as_posix() for name in (*files, *links)}
    return found
