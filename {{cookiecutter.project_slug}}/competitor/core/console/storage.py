"""Stores the last requests in files that several workers share. The number and total size of the files are limited.
Contract file: replaced by updates.

The folder is readable for its user only and removed when the process ends. A request has two files: the head that a
list shows, and the rest, compressed.
"""

import json
import os
import re
import secrets
import time
import zlib
from pathlib import Path
from typing import Any

from ..limits import MAX_RECORDS, MAX_RECORDS_BYTES

_NUMBER = re.compile(r"[0-9]{19}-[0-9a-f]{8}")


def new_number() -> str:
    """Makes a unique number for a request. Numbers sort by time."""
    return f"{time.time_ns():019d}-{secrets.token_hex(4)}"


class Shelf:
    def __init__(self, folder: Path):
        self._folder = folder
        folder.mkdir(mode=0o700, exist_ok=True)

    def put(self, number: str, head: dict[str, Any], rest: dict[str, Any] | None = None) -> None:
        """Stores or replaces a request, and deletes the oldest ones if there are too many. Raises `OSError`."""
        if rest is not None:
            self._write(f"{number}.rest", zlib.compress(json.dumps(rest).encode(), 6))
        self._write(f"{number}.head", json.dumps(head).encode())
        if rest is not None or head["state"] == "refused":  # once for each request
            self._make_room()

    def heads(self) -> list[dict[str, Any]]:
        """The heads of all stored requests, the newest first."""
        found = []
        for path in sorted(self._folder.glob("*.head"), reverse=True):
            try:
                found.append(_told(path.stem, path.read_bytes()))
            except OSError:  # another worker has just deleted it
                continue
        return found

    def get(self, number: str) -> dict[str, Any] | None:
        """The whole record of a request; None if it is not stored."""
        if not _NUMBER.fullmatch(number):
            return None
        try:
            head = _told(number, (self._folder / f"{number}.head").read_bytes())
        except OSError:
            return None
        try:
            rest = json.loads(zlib.decompress((self._folder / f"{number}.rest").read_bytes()))
        except OSError:  # the answer has not ended yet
            rest = {}
        return {**head, **rest}

    def _write(self, name: str, data: bytes) -> None:
        """Writes a file so that readers see either all of it or none."""
        unfinished = self._folder / f"{name}.{os.getpid()}.new"
        unfinished.write_bytes(data)
        unfinished.replace(self._folder / name)

    def _make_room(self) -> None:
        sizes: dict[str, int] = {}
        for path in self._folder.iterdir():
            try:
                sizes[path.name[:28]] = sizes.get(path.name[:28], 0) + path.stat().st_size
            except OSError:
                continue
        kept = size = 0
        for number in sorted(sizes, reverse=True):
            kept, size = kept + 1, size + sizes[number]
            if kept > MAX_RECORDS or size > MAX_RECORDS_BYTES:
                for path in self._folder.glob(f"{number}.*"):
                    path.unlink(missing_ok=True)


def _told(number: str, data: bytes) -> dict[str, Any]:
    head = {"number": number, **json.loads(data)}
    if head["state"] == "running" and time.time() > head["until"]:
        head["state"] = "lost"  # the worker that answered it has died
    return head
