"""Three-way merges of a file that both the owner and the template write in."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from templates_variants.engine.bake.files import File
from templates_variants.engine.update.git import git, said

# A line means the same wherever it stands in such a file.
LISTS = {".gitignore"}


@dataclass(frozen=True)
class Merged:
    file: File
    conflicts: int


def merge(path: str, mine: File, base: File | None, theirs: File) -> Merged:
    """Both sides' changes since `base`; where they touch, both stand between markers.

    Line endings and the executable bit follow the side that changed them, the owner's first. Of two binary files
    neither can be had without losing the other: the owner's stays, as one conflict. Lines that both sides add to a
    list whose order does not matter, `.gitignore`, are no conflict: both stay.
    """
    executable = theirs.executable if base and mine.executable == base.executable else mine.executable
    if mine.binary or theirs.binary or (base and base.binary):
        return Merged(mine, 1)
    with tempfile.TemporaryDirectory() as scratch:
        sides = {"mine": mine.text, "base": base.text if base else b"", "theirs": theirs.text}
        for name, text in sides.items():
            (Path(scratch) / name).write_bytes(text)
        labels = ("-L", f"yours: {path}", "-L", "what both began with", "-L", f"the template's: {path}")
        union = ("--union",) if _only_added_to(path, *sides.values()) else ()
        done = git(Path(scratch), "merge-file", "-p", *union, *labels, *sides)
    if done.returncode < 0 or done.returncode > 127:
        raise OSError(f"git merge-file of {path} failed: {said(done)}")
    return Merged(File(done.stdout, executable).ended_like(mine), done.returncode)


def _only_added_to(path: str, mine: bytes, base: bytes, theirs: bytes) -> bool:
    """Whether it is a list, and neither side took a line away, nor has a line (`!`) that depends on those before."""
    if Path(path).name not in LISTS:
        return False
    began, *sides = ([line.strip() for line in text.splitlines()] for text in (base, mine, theirs))
    added = {line for lines in sides for line in lines} - set(began)
    kept = all(set(began) <= set(lines) for lines in sides)
    return kept and not any(line.startswith(b"!") for line in added)
