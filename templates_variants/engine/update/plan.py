"""Decides what an update does with each file, before any file is changed. Only the content of the files counts.

`Repo` has the owner's repo, a fresh repo from the new template, and the records of both. For one file of
the old or the new template, `decide` returns what the update does with it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from templates_variants.engine.bake.files import File, files_below, in_the_way, read
from templates_variants.engine.bake.record import Record
from templates_variants.engine.bake.zones import zone_of
from templates_variants.engine.update.merge import merge

# "gone": there will be no file at this path. "record": a file in `.janus/`, which the report does not show.
Deed = Literal[
    "new",
    "restored",
    "replaced",
    "merged",
    "migrated",
    "conflict",
    "deleted",
    "moved",
    "copied",
    "kept",
    "gone",
    "record",
]


EDITED = (
    "is a contract file that you edited; move your change into competitor/backend/ and restore the file with git,\n"
    "  or replace it with `python -m competitor update --replace-edited`"
)


@dataclass(frozen=True)
class Step:
    """The planned result for one path: the file in `becomes`, or the file that is now at `source`, or no file."""

    path: str
    deed: Deed
    becomes: File | None = None
    source: str | None = None
    note: str = ""


@dataclass(frozen=True)
class Obstacle:
    """A file that blocks the update: the template needs its path, but replacing it would lose the owner's work.

    `mine` is the owner's file, `theirs` the new template's.
    """

    path: str
    sentence: str
    mine: File | None = None
    theirs: File | None = None


@dataclass(frozen=True)
class Plan:
    """All steps and obstacles of an update.

    `why` has the reasons of the migrations, and `left` the lines that the owner must change by hand. `migrates` says
    whether the plan edits the owner's own files.
    """

    steps: tuple[Step, ...]
    obstacles: tuple[Obstacle, ...]
    why: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    migrates: bool = True

    @property
    def conflicts(self) -> list[str]:
        return [step.path for step in self.steps if step.deed == "conflict"]


@dataclass(frozen=True)
class Repo:
    """The two sides of an update.

    `project` is the owner's repo, and `was` its record. `made` is a fresh repo from the new template, and `now` its
    record. A file is called `mine` if it is from `project`, and `theirs` if it is from `made`.
    """

    project: Path
    made: Path
    was: Record
    now: Record
    replace_edited: bool = False
    goes: frozenset[str] = frozenset()  # files that this update deletes

    def mine(self, path: str) -> File | None:
        return None if self._is_folder(path) else read(self.project, path)

    def blocked(self, path: str) -> str | None:
        """Returns what prevents a regular file at this path, or None. Files that this update deletes do not count."""
        if any(parent.as_posix() in self.goes for parent in Path(path).parents):
            return None
        below = files_below(self.project / path) if self._is_folder(path) else []
        if below and all(f"{path}/{name}" in self.goes for name in below):
            return None
        return in_the_way(self.project, path)

    def _is_folder(self, path: str) -> bool:
        return (self.project / path).is_dir() and not (self.project / path).is_symlink()

    def theirs(self, path: str) -> File | None:
        return read(self.made, path) if path in self.now.paths else None

    @property
    def switches(self) -> bool:
        """Whether the update switches to another backend."""
        return self.was.backend != self.now.backend


def decide(repo: Repo, path: str) -> Step | Obstacle:
    """Returns the step or the obstacle for one path in any zone except "derived", which `locks.decide` handles."""
    zone = zone_of(path)
    if blocked := repo.blocked(path):
        if zone in ("owner", "shared") or repo.theirs(path) is None:
            return Step(path, "kept", source=path, note=f"{blocked}, so this path is not changed")
        return Obstacle(path, f"{blocked}, where the template has a file; move it elsewhere")
    mine, theirs = repo.mine(path), repo.theirs(path)
    if mine is None:
        return _absent(repo, path, theirs)
    rule: dict[str, Callable[[Repo, str, File, File | None], Step | Obstacle]] = {
        "contract": _contract,
        "shared": _shared,
    }
    return rule[zone](repo, path, mine, theirs) if zone in rule else _kept(path)


def _absent(repo: Repo, path: str, theirs: File | None) -> Step:
    """Returns the step for a path without a file: adds a new file, restores a contract file, or leaves it deleted."""
    if theirs is None:
        return Step(path, "gone")
    if not repo.was.knows(path):
        return Step(path, "new", theirs)
    if zone_of(path) == "contract":
        return Step(path, "restored", theirs)
    return Step(path, "gone", note="you deleted it")


def _contract(repo: Repo, path: str, mine: File, theirs: File | None) -> Step | Obstacle:
    if theirs == mine:
        return _kept(path)
    known = path in repo.was.contract
    as_made = repo.was.is_as_made(path, mine) or (theirs is not None and theirs.text == mine.text)
    if as_made or (known and repo.replace_edited):
        return Step(path, "replaced", theirs) if theirs else Step(path, "deleted")
    if known:
        return Obstacle(path, EDITED, mine, theirs)
    return Obstacle(
        path, "is your file, but the contract now has a file with this name; rename your file", mine, theirs
    )


def _shared(repo: Repo, path: str, mine: File, theirs: File | None) -> Step:
    base = repo.was.bases.get(path)
    if theirs is None:
        if repo.was.is_as_made(path, mine):
            return Step(path, "deleted")
        return _kept(path, "no longer part of the template, so it is yours now")
    if repo.was.is_as_made(path, mine):
        executable = mine.executable if base and mine.executable != base.executable else theirs.executable
        taken = File(theirs.ended_like(mine).data, executable)
        return _kept(path) if taken == mine else Step(path, "replaced", taken)
    if theirs.text == mine.text or (base and base.text == theirs.text):
        return _kept(path, "you changed it; the template did not")
    merged = merge(path, mine, base, theirs)
    return Step(path, "conflict" if merged.conflicts else "merged", merged.file)


def beside(repo: Repo, step: Step) -> Iterator[Step]:
    """Yields a step that adds the template's file beside the owner's, if a binary file could not be merged."""
    if step.deed == "conflict" and step.becomes == repo.mine(step.path):
        yield Step(unused(repo.project, f"{step.path}.new"), "new", repo.theirs(step.path))


def unused(project: Path, path: str) -> str:
    """Returns this path if it is free, otherwise the first free path with a number appended."""
    names = (path if number == 1 else f"{path}_{number}" for number in range(1, 1000))
    return next(name for name in names if not (project / name).exists())


def _kept(path: str, note: str = "") -> Step:
    return Step(path, "kept", source=path, note=note)
