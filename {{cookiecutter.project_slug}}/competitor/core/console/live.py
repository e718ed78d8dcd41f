"""Serves `/v1/debug/stream/{id}` (E6): the events of a request with `debug: true`, while it is being answered.
Contract file: replaced by updates.

The events of a request are lines of a file that all workers can read, because the worker that serves the debug stream
need not be the one that answers the request. Only `data:` frames are sent.
"""

import asyncio
import hashlib
import itertools
import json
import logging
import time
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..limits import MAX_LIVE_FILE_BYTES, MAX_LIVE_FILES

log = logging.getLogger("competitor.console")

# The types of the event that ends a request.
LAST = ("response_complete", "error")
_LOOK_SECONDS = 0.05
# How long to wait for the request, since a caller may ask for its events before it arrives.
WAIT_SECONDS = 30.0
# Readers and proxies close a connection on which nothing is sent, so a keep-alive is sent this often.
KEEP_ALIVE_SECONDS = 5.0


class Live:
    """The event files of the last requests."""

    def __init__(self, folder: Path, most_seconds: float):
        self._folder, self._most_seconds = folder, most_seconds
        folder.mkdir(mode=0o700, exist_ok=True)

    def log(self, id: str, echoed: Mapping[str, str]) -> "LiveLog":
        """Starts the events of a request. If another request uses the id, they are under `{id}-2`, and so on."""
        for number in itertools.count(1):
            name = id if number == 1 else f"{id}-{number}"
            path = self._path(name)
            if not self._is_in_use(path):
                break
        try:
            path.write_bytes(b"")  # an id that is used again starts a new file
            newest_first = sorted(self._folder.iterdir(), key=lambda file: file.stat().st_mtime, reverse=True)
            for old in newest_first[MAX_LIVE_FILES:]:
                old.unlink(missing_ok=True)
        except OSError as error:
            log.warning("a request cannot be followed", extra={"why": error.strerror})
        return LiveLog(path, name, echoed.get("x-correlation-id"))

    def _is_in_use(self, path: Path) -> bool:
        """Whether a request that has not ended writes into this file."""
        try:
            running = time.time() - path.stat().st_mtime < self._most_seconds  # else its worker has died
            return running and not _is_last(path.read_bytes().rstrip(b"\n").rpartition(b"\n")[2])
        except OSError:
            return False

    async def follow(self, id: str) -> AsyncIterator[bytes]:
        """Yields past and future events as frames. Stops when the request ends, or if it does not arrive in time."""
        path, read, until = self._path(id), 0, time.monotonic() + WAIT_SECONDS
        told = time.monotonic()
        while time.monotonic() < until:
            lines = _whole_lines(path, read)
            for line in lines.splitlines():
                yield b"data: " + line + b"\n\n"
                if _is_last(line):
                    return
            if lines:
                if not read:
                    until = time.monotonic() + self._most_seconds
                read, told = read + len(lines), time.monotonic()
            elif time.monotonic() - told >= KEEP_ALIVE_SECONDS:
                told = time.monotonic()
                yield b"data: " + _line(id, "agent_thinking", "AGENT", "Nothing new.", None, None) + b"\n\n"
            await asyncio.sleep(_LOOK_SECONDS)

    def _path(self, id: str) -> Path:
        return self._folder / hashlib.sha256(id.encode()).hexdigest()


class LiveLog:
    """Writes the events of one request to its file."""

    def __init__(self, path: Path, id: str, correlation_id: str | None):
        self._path, self.id, self._correlation_id = path, id, correlation_id
        self._size = 0

    def tell(self, type: str, step: str, message: str, data: Any = None) -> None:
        line = _line(self.id, type, step, message, data, self._correlation_id) + b"\n"
        self._size += len(line)
        if self._size > MAX_LIVE_FILE_BYTES and type not in LAST:
            return
        try:
            with self._path.open("ab") as file:
                file.write(line)
        except OSError as error:
            log.warning("an event was lost", extra={"why": error.strerror})


def _line(id: str, type: str, step: str, message: str, data: Any, correlation_id: str | None) -> bytes:
    at = datetime.now(UTC).isoformat(timespec="milliseconds")
    event = {"request_id": id, "timestamp": at, "type": type, "step": step, "message": message, "data": data}
    event["correlation_id"] = correlation_id
    return json.dumps({name: value for name, value in event.items() if value is not None}).encode()


def _is_last(line: bytes) -> bool:
    try:
        return json.loads(line)["type"] in LAST
    except (ValueError, KeyError, TypeError):  # the id was reused: the file was emptied within a line
        return False


def _whole_lines(path: Path, start: int) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(start)
            found = file.read()
    except OSError:
        return b""
    return found[: found.rfind(b"\n") + 1]
