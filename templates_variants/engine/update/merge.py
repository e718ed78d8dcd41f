"""Merges a file that both the owner and the template have changed, with a three-way merge."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from templates_variants.engine.bake.files import File
from templates_variants.engine.update.git import git, said

# In these files, appended lines do not depend on the lines before them. In TOML they would: a key depends on its table.
APPENDABLE = (".md", ".gitignore", ".dockerignore")


@dataclass(frozen=True)
class Merged:
    file: File
    conflicts: int


def merge(path: str, mine: File, base: File | None, theirs: File) -> Merged:
    """Merges `mine`, the owner's file, and `theirs`, the template's file. Both were made from `base`.

    Returns the merged file and the number of conflicts. Overlapping changes are both kept, between conflict markers.
    The result has the owner's line endings. Its executable bit is the template's, unless the owner changed it or there
    is no base. Binary files cannot be merged: the result is the owner's file, with one conflict. If the owner only
    appended text to Markdown or to a list of patterns, there is no conflict: the text is appended to the template's.
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
    """Returns the text that the owner appended; empty if anything else changed or the file is not APPENDABLE."""
    whole_lines = not base or base.endswith(b"\n")
    return mine[len(base) :] if path.endswith(APPENDABLE) and whole_lines and mine.startswith(base) else b""
