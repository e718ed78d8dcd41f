"""Files for comparing and merging: bytes and the executable bit. Differences in line endings are ignored."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

# Tools leave these folders wherever they run. They belong neither to the template nor to the owner.
CACHES = {"__pycache__", ".ruff_cache", ".mypy_cache", ".pytest_cache"}


@dataclass(frozen=True)
class File:
    data: bytes
    executable: bool = False

    @property
    def text(self) -> bytes:
        """The bytes, with LF line endings if the file is text."""
        return self.data if self.binary else self.data.replace(b"\r\n", b"\n")

    @property
    def binary(self) -> bool:
        return b"\0" in self.data

    @property
    def crlf(self) -> bool:
        """Whether most lines end with CR LF, as on Windows."""
        return not self.binary and self.data.count(b"\r\n") * 2 > self.data.count(b"\n")

    @property
    def digest(self) -> str:
        return digest(self.data)

    def ended_like(self, other: "File | None") -> "File":
        """A copy of this file with the line endings of the other file."""
        if self.binary or other is None or not other.crlf:
            return self
        return File(self.text.replace(b"\n", b"\r\n"), self.executable)


def digest(data: bytes) -> str:
    """The SHA-256 of the data with LF line endings, as `competitor/cli/verify.py` computes it."""
    return hashlib.sha256(data.replace(b"\r\n", b"\n")).hexdigest()


def read(root: Path, path: str) -> File | None:
    """Reads the file at `path`; None if there is none. Raises IsADirectoryError for a folder."""
    file = root / path
    if not os.path.lexists(file):
        return None
    return File(file.read_bytes(), os.access(file, os.X_OK) and os.name == "posix")


def write(root: Path, path: str, file: File) -> Path:
    """Writes a file and creates the folders above it. Returns the file's path."""
    goal = root / path
    goal.parent.mkdir(parents=True, exist_ok=True)
    goal.write_bytes(file.data)
    if file.executable:
        goal.chmod(0o755)
    return goal


def files_below(root: Path) -> list[str]:
    """The relative paths of all files below this folder, sorted, without caches."""
    files = (path.relative_to(root) for path in root.rglob("*") if path.is_file())
    return sorted(path.as_posix() for path in files if CACHES.isdisjoint(path.parts))


def is_inside(path: object) -> bool:
    """Whether this is the path of a file in a repo: relative, with forward slashes, without `..`, not in `.git/`."""
    if not isinstance(path, str) or "\0" in path or (os.name == "nt" and set(path) & set("\\:~")):
        return False
    return all(part.rstrip(" .").lower() not in ("", ".git") for part in path.split("/"))


def behind_a_link(root: Path, path: str) -> bool:
    """Whether a folder above this path is a link, so the file may be outside the repo."""
    return any((root / parent).is_symlink() for parent in list(Path(path).parents)[:-1])


def in_the_way(root: Path, path: str) -> str | None:
    """Says why there cannot be a plain file at this path; None if there can.

    The reason is a folder or a link at this path, or a file or a link in place of a folder above it.
    """
    for parent in list((root / path).relative_to(root).parents)[-2::-1]:
        folder = root / parent
        if folder.is_symlink():
            return f"{parent.as_posix()} is a link"
        if folder.exists() and not folder.is_dir():
            return f"{parent.as_posix()} is a file"
    file = root / path
    if file.is_symlink():
        return f"{path} is a link"
    return f"{path} is a folder" if file.is_dir() else None
