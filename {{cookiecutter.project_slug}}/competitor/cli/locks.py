"""Finds stale locks. `make lock` writes a hash of its sources at the top of each lock; this module checks the hash."""
# Contract file: replaced by updates.

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

SOURCES = {"requirements.txt": "requirements.in", "requirements-dev.txt": "requirements-dev.in"}
HEAD_BYTES = 200

_STAMP = re.compile(r"^#.*\(sources ([0-9a-f]{16})\)", re.MULTILINE)


def stamp(root: Path, lock: str) -> str:
    """The text that must be at the top of this lock. Comments and blank lines in its sources do not count."""
    text = "\n".join(requirements(root, SOURCES[lock]))
    return f"(sources {hashlib.sha256(text.encode()).hexdigest()[:16]})"


def stale(root: Path) -> list[str]:
    """The names of the locks that are missing or do not match their sources."""
    return [lock for lock in SOURCES if not _says(root / lock, stamp(root, lock))]


def _says(lock: Path, expected: str) -> bool:
    if not lock.is_file():
        return False
    found = _STAMP.search(lock.read_text(encoding="utf-8")[:HEAD_BYTES])
    return found is not None and f"(sources {found[1]})" == expected


def requirements(root: Path, source: str) -> Iterator[str]:
    """The requirements in a file and in the files that it includes with `-r`; these paths are relative to that file."""
    for line in (root / source).read_text(encoding="utf-8").splitlines():
        wanted = line.split("#", 1)[0].strip()
        if wanted.startswith("-r "):
            yield from requirements(root, (Path(source).parent / wanted[3:].strip()).as_posix())
        elif wanted:
            yield wanted
