"""Three-way merges of a file that both the owner and the template change."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from templates_variants.engine.bake.files import File
from templates_variants.engine.update.git import git, said

# Of these, what follows at the end does not depend on what is before it, as a key in TOML depends on its table.
APPENDABLE = (".md", ".gitignore", ".dockerignore")


@dataclass(frozen=True)
class Merged:
    file: File
    conflicts: int


def merge(path: str, mine: File, base: File | None, theirs: File) -> Merged:
    """Combines both sides' changes since `base`; overlapping changes are both kept, between conflict markers.

    Line endings and the executable bit follow the side that changed them, the owner's first. Binary files cannot be
    merged: the owner's stays, and counts as one conflict. Text that the owner has only appended to Markdown or to a
    list of patterns is not a conflict: it is appended to the template's text.
    """
    executable = theirs.executable if base and mine.executable == base.executable else mine.executable
    if mine.binary or theirs.binary or (base and base.binary):
        return Merged(mine, 1)
    with tempfile.TemporaryDirectory() as scratch:
        sides = {"mine": mine.text, "base": base.text if base else b"", "theirs": theirs.text}
        for name, text in sides.items():
            (Path(scratch) / name).write_bytes(text)
        labels = ("-L", f"yours: {path}", "-L", "the common base", "-L", f"the template's: {path}")
        done = git(Path(scratch), "merge-file", "-p", *labels, *sides)
    if done.returncode < 0 or done.returncode > 127:
        raise OSError(f"git merge-file of {path} failed: {said(done)}")
    if done.returncode and base and (appended := _appended(path, mine.text, base.text)):
        added = b"" if appended in theirs.text else appended
        return Merged(File(theirs.text.rstrip(b"\n") + b"\n" + added, executable).ended_like(mine), 0)
    return Merged(File(done.stdout, executable).ended_like(mine), done.returncode)


def _appended(path: str, mine: bytes, base: bytes) -> bytes:
    """What the owner has added at the end, if nothing else was changed and the file is of such a kind; else empty."""
    whole_lines = not base or base.endswith(b"\n")
    return mine[len(base) :] if path.endswith(APPENDABLE) and whole_lines and mine.startswith(base) else b""
