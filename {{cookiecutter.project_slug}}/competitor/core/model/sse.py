"""Splits an upstream's bytes into server-sent events. The bytes may be cut anywhere and are not decoded.
Contract file: replaced by updates.

Lines end only at LF, CRLF or CR. Text libraries also split at U+2028, which would lose chunks.
"""

import json

from ..errors import UpstreamError
from ..limits import MAX_EVENT_BYTES
from .dialects import HEARTBEAT_EVENTS


class EventSplitter:
    """Takes bytes as they arrive and returns the `data` of each complete event."""

    __slots__ = ("_after_cr", "_rest", "_size")

    def __init__(self) -> None:
        self._rest: list[bytes] = []
        self._size = 0
        self._after_cr = False

    def feed(self, data: bytes) -> list[bytes]:
        """The `data` of the events that are complete now. Raises `UpstreamError` for an event of more than 16 MiB."""
        if (
            not self._rest
            and data.startswith(b"data: ")
            and data.find(b"\n") == len(data) - 2
            and data.endswith(b"\n\n")
            and b"\r" not in data
        ):
            return [data[6:-2]]  # fast case: the read holds exactly one event
        if self._after_cr and data:
            data = data.removeprefix(b"\n")
            self._after_cr = False
        if b"\r" in data:
            self._after_cr = data.endswith(b"\r")
            data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        self._rest.append(data)
        self._size += len(data)
        if b"\n" in data:
            *events, rest = b"".join(self._rest).split(b"\n\n")
            self._rest, self._size = [rest] if rest else [], len(rest)
        else:
            events = []
        if self._size > MAX_EVENT_BYTES:
            raise UpstreamError("too_large", "an event of more than 16 MiB")
        return [found for event in events if (found := _data(event)) is not None]

    def end(self) -> list[bytes]:
        """The last event, if the server closed the stream without the blank line at its end."""
        found = _data(b"".join(self._rest))
        self._rest.clear()
        return [] if found is None else [found]


def _data(event: bytes) -> bytes | None:
    if event.startswith(b"data: ") and b"\n" not in event:
        return event[6:]
    lines = event.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    found = [line[5:].removeprefix(b" ") for line in lines if line.startswith(b"data:")]
    if not found:
        if event.startswith(b"error:"):  # llama.cpp's older form
            return _as_error(event[6:].strip())
        return event if event.startswith(b"{") else None  # one object, in spite of the content type
    data = b"\n".join(found)
    name = next((line[6:].strip().lower() for line in lines if line.startswith(b"event:")), b"")
    if name == b"error":
        return _as_error(data)
    return None if name.decode("latin-1") in HEARTBEAT_EVENTS else data


def _as_error(data: bytes) -> bytes:
    """The data of an event that is named `error`, in OpenAI's form of an error."""
    try:
        error = json.loads(data)
    except (ValueError, RecursionError):
        error = data.decode("utf-8", "replace")
    if isinstance(error, dict) and error.get("error"):
        return data
    return json.dumps({"error": error or "no message"}).encode()
