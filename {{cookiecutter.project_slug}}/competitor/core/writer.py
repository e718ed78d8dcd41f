# The contract's file: an update replaces it. What is yours stands in competitor/backend/.
"""The one writer of a stream. What is ready at the same moment leaves in one write, in order, never two at once.

From Python 3.12 on a send runs on the spot, as an eager task, and only becomes a real one when the
client is slow; 3.11 pays one short task a write.
"""

import asyncio
import sys
import time
from collections.abc import Coroutine
from typing import Any, Protocol

from starlette.types import Send

# Beyond this many unsent bytes the source is paused, so that memory stays flat.
HIGH_WATER_BYTES = 64 * 1024

if sys.version_info >= (3, 12):

    def _begin(work: Coroutine[Any, Any, None], loop: asyncio.AbstractEventLoop) -> asyncio.Task[None]:
        return asyncio.Task(work, loop=loop, eager_start=True)

else:

    def _begin(work: Coroutine[Any, Any, None], loop: asyncio.AbstractEventLoop) -> asyncio.Task[None]:
        return loop.create_task(work)


class Pausable(Protocol):
    def pause(self) -> None: ...
    def resume(self) -> None: ...


class BodyWriter:
    """Bytes in, ASGI body messages out. `write` never waits; `drain` does, for whoever produces without end."""

    __slots__ = (
        "_corked",
        "_drained",
        "_loop",
        "_scheduled",
        "_send",
        "_sending",
        "_size",
        "_source",
        "_unsent",
        "gone",
        "largest_gap",
        "wrote_at",
    )

    def __init__(self, send: Send):
        self._send = send
        self._loop = asyncio.get_running_loop()
        self._unsent: list[bytes] = []
        self._size = 0
        self._corked = self._scheduled = False
        self._sending: asyncio.Task[None] | None = None
        self._source: Pausable | None = None
        self._drained: asyncio.Future[None] | None = None
        self.gone = False
        self.wrote_at = time.monotonic()
        self.largest_gap = 0.0

    @property
    def blocked(self) -> bool:
        """A send is under way: the client has not taken what it was given."""
        return self._sending is not None

    def write(self, data: bytes) -> None:
        self._unsent.append(data)
        self._size += len(data)
        if self._size > HIGH_WATER_BYTES and self._source is not None and self._sending is not None:
            self._source.pause()
        if not self._corked and not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._flush)

    def cork(self) -> None:
        self._corked = True

    def uncork(self) -> None:
        self._corked = False
        self._flush()

    def set_source(self, source: Pausable | None) -> None:
        self._source = source

    async def drain(self) -> None:
        """Returns when less than the high-water mark is unsent."""
        while self._size > HIGH_WATER_BYTES and not self.gone:
            self._flush()
            if self._sending is None:
                return
            self._drained = self._loop.create_future()
            await self._drained

    async def end(self, data: bytes) -> None:
        """Writes the last bytes and ends the response, also while a server is shutting down."""
        while self._sending is not None:
            await asyncio.wait({self._sending})
        rest = b"".join(self._unsent) + data
        self._unsent.clear()
        self._passed()
        if not self.gone:
            await self._send({"type": "http.response.body", "body": rest, "more_body": False})

    def _flush(self) -> None:
        self._scheduled = False
        if self._unsent and self._sending is None and not self.gone:
            sending = _begin(self._pump(), self._loop)
            if not sending.done():
                self._sending = sending
                sending.add_done_callback(self._pumped)

    async def _pump(self) -> None:
        while self._unsent:
            body = self._unsent[0] if len(self._unsent) == 1 else b"".join(self._unsent)
            self._unsent.clear()
            try:
                await self._send({"type": "http.response.body", "body": body, "more_body": True})
            except OSError:  # a server that reports a client gone by raising; the watcher of `receive` ends the work
                self.gone = True
                self._unsent.clear()
            self._size -= len(body)
            self._passed()

    def _passed(self) -> None:
        now = time.monotonic()
        self.largest_gap = max(self.largest_gap, now - self.wrote_at)
        self.wrote_at = now

    def _pumped(self, _: asyncio.Task[None]) -> None:
        self._sending = None
        if self._source is not None:
            self._source.resume()
        if self._drained is not None and not self._drained.done():
            self._drained.set_result(None)
        if self._unsent:
            self._flush()
