"""Decides whether an update replaces a lock file. Lock files are never merged; `make lock` regenerates them."""

from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase

from templates_variants.engine.bake.files import File
from templates_variants.engine.update.plan import Repo, Step

STALE = "no longer matches its sources; `make lock` regenerates it"


def decide(repo: Repo, path: str, steps: Mapping[str, Step]) -> Step:
    """Returns the step for a lock file: replace it by the template's, or keep it.

    The lock is replaced if the owner did not edit it, and if the sources after the update are those of the template.
    Otherwise it is kept, because the owner may have added a line by hand.
    """
    mine, theirs = repo.mine(path), repo.theirs(path)
    if mine is None or theirs is None:
        return Step(path, "gone") if mine is None and repo.was.knows(path) else _taken(path, mine, theirs)
    paths = {name for name in repo.now.paths if fnmatchcase(name, "*requirements*.in")}

    def after(name: str) -> File | None:
        step = steps.get(name)
        return step.becomes if step and not step.source else repo.mine(step.source if step and step.source else name)

    sources = _texts(paths, after)
    unchanged = sources == _texts(paths, repo.mine)
    if sources == _texts(paths, repo.theirs) and repo.was.is_as_made(path, mine):
        return _taken(path, mine, theirs)
    return Step(path, "kept", source=path, note="" if unchanged and _says_its_sources(mine) else STALE)


def _taken(path: str, mine: File | None, theirs: File | None) -> Step:
    if theirs is None or theirs == mine:
        return Step(path, "kept", source=path)
    return Step(path, "replaced" if mine else "new", theirs)


def _texts(paths: set[str], read: Callable[[str], File | None]) -> dict[str, bytes | None]:
    return {path: file.text if (file := read(path)) else None for path in paths}


def _says_its_sources(lock: File) -> bool:
    """Whether the lock contains a hash of its sources. Locks of version 0.1.0 do not."""
    return b"(sources " in lock.data[:200]
