"""The last requests, in files: several workers see the same ones. Limited in number and in bytes, gone at the end.
Contract file: replaced by updates.

The folder belongs to the process and is readable for its user only. A request is two files: what a list
shows, and the rest, compressed.
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
    """Sorts by time."""
    return f"{time.time_ns():019d}-{secrets.token_hex(4)}"


class Shelf:
    def __init__(self, folder: Path):
        self._folder = folder
        folder.mkdir(mode=0o700, exist_ok=True)

    def put(self, number: str, head: dict[str, Any], rest: dict[str, Any] | None = None) -> None:
        """Keeps or replaces a request; the oldest make room. Raises `OSError`."""
        if rest is not None:
            self._write(f"{number}.rest", zlib.compress(json.dumps(rest).encode(), 6))
        self._write(f"{number}.head", json.dumps(head).encode())
        if rest is not None or head["state"] == "refused":  # once a request
            self._make_room()

    def heads(self) -> list[dict[str, Any]]:
        """What a list shows, the newest first."""
        found = []
        for path in sorted(self._folder.glob("*.head"), reverse=True):
            try:
                found.append(_told(path.stem, path.read_bytes()))
            except OSError:  # another worker has just made room
                continue
        return found

    def get(self, number: str) -> dict[str, Any] | None:
        """All that is kept of a request."""
        if not _NUMBER.fullmatch(number):
            return None
        try:
            head = _told(number, (self._folder / f"{number}.head").read_bytes())
        except OSError:
            return None
        try:
            rest = json.loads(zlib.decompress((self._folder / f"{number}.rest").read_bytes()))
        except OSError:  # it is under way
            rest = {}
        return {**head, **rest}

    def _write(self, name: str, data: bytes) -> None:
        """Never seen half written."""
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
        head["state"] = "lost"  # with the worker that answered it
    return head
