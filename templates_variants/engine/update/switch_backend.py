"""Replaces the owner's backend by another backend. Moves all files of the old one to a folder `backend_old/`."""

import os
from collections.abc import Iterator
from pathlib import Path

from templates_variants.engine.update.plan import Repo, Step, unused

BACKEND = "competitor/backend"


def steps(repo: Repo) -> Iterator[Step]:
    """Yields the steps that move the owner's backend and its test to `backend_old/`, and add the new backend."""
    kept = unused(repo.project, "backend_old")
    for path in sorted({*_files(repo.project), *_elsewhere(repo)}):
        yield Step(f"{kept}/{path}", "moved", source=path, note=f"from {path}")
        yield Step(path, "gone")
    for path in sorted(repo.now.variant):
        yield Step(path, "new", repo.theirs(path))


def _elsewhere(repo: Repo) -> set[str]:
    """Returns the existing files of the old and the new backend outside `competitor/backend/`, such as a test."""
    brought = {path for path in repo.was.variant | repo.now.variant if not path.startswith(f"{BACKEND}/")}
    return {path for path in brought if os.path.lexists(repo.project / path)}


def _files(project: Path) -> set[str]:
    """Returns all files and links in the backend's folder, even those that git ignores."""
    found = set()
    for folder, folders, files in os.walk(project / BACKEND):
        folders[:] = [name for name in folders if name != "__pycache__"]
        links = [name for name in folders if os.path.islink(os.path.join(folder, name))]
        found |= {(Path(folder) / name).relative_to(project).as_posix() for name in (*files, *links)}
    return found
