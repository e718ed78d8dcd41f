"""Another backend in the place of the owner's: the old one is kept beside, whole."""

import os
from collections.abc import Iterator
from pathlib import Path

from templates_variants.engine.update.plan import Repo, Step, unused

BACKEND = "competitor/backend"


def steps(repo: Repo) -> Iterator[Step]:
    """The owner's backend goes to `backend_old/`, with its test; the new one comes."""
    kept = unused(repo.project, "backend_old")
    for path in sorted({*_files(repo.project), *_elsewhere(repo)}):
        yield Step(f"{kept}/{path}", "moved", source=path, note=f"from {path}")
        yield Step(path, "gone")
    for path in sorted(repo.now.variant):
        yield Step(path, "new", repo.theirs(path))


def _elsewhere(repo: Repo) -> set[str]:
    """What the two backends brought besides their folder, such as a test."""
    brought = {path for path in repo.was.variant | repo.now.variant if not path.startswith(f"{BACKEND}/")}
    return {path for path in brought if os.path.lexists(repo.project / path)}


def _files(project: Path) -> set[str]:
    """All that is in the owner's folder, ignored by git or not, links as links."""
    found = set()
    for folder, folders, files in os.walk(project / BACKEND):
        folders[:] = [name for name in folders if name != "__pycache__"]
        links = [name for name in folders if os.path.islink(os.path.join(folder, name))]
        found |= {(Path(folder) / name).relative_to(project).as_posix() for name in (*files, *links)}
    return found
