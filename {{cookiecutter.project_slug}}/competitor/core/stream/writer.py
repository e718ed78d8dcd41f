"""Writes a stream: all bytes that are ready at the same moment are sent in one write, in order."""
# Contract file: replaced by updates.

import asyncio
import time

from starlette.types import Send

from ..events import Flow, Source
from ..limits import MAX_UNSENT_BYTES
from .uvicorn_fast_path import FastPath

# How long the last piece may wait for the end of the answer, which comes a few turns of the loop later.
LAST_SECONDS = 0.002


class BodyWriter(Flow):
    """Turns bytes into ASGI body messages. `write` never waits; a producer of many bytes must await `drain`."""

    __slots__ = (
        "_corked", "_drained", "_fast_path", "_loop", "_scheduled", "_send", "_sending", "_size", "_source", "_unsent",
        "gone", "largest_gap", "wrote_at",
    )  # fmt: skip

    def __init__(self, send: Send):
        self._send = send
        self._fast_path = FastPath(send)
        self._loop = asyncio.get_running_loop()
        self._unsent: list[bytes] = []
        self._size = 0
        self._corked = self._scheduled = False
        self._sending: asyncio.Task[None] | None = None
        self._source: Source | None = None
        self._drained: asyncio.Future[None] | None = None
        self.gone = False
        self.wrote_at = time.monotonic()
        self.largest_gap = 0.0

    @property
    def blocked(self) -> bool:
        """Whether a send is in progress: the client has not yet taken earlier bytes."""
        return self._sending is not None

    def write(self, data: bytes) -> None:
        self._unsent.append(data)
        self._size += len(data)
        if self._size > MAX_UNSENT_BYTES and self._source is not None and self._sending is not None:
            self._source.pause()
        if not self._corked and not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._flush)

    def cork(self) -> None:
        self._corked = True

    def uncork(self, *, last: bool = False) -> None:
        """Sends what was held back since `cork`. With `last`, first waits briefly for the stream's end."""
        self._corked = False
        if last and self._unsent:
            self._loop.call_later(LAST_SECONDS, self._flush)
        else:
            self._flush()

    def set_source(self, source: Source | None) -> None:
        self._source = source

    async def drain(self) -> None:
        """Waits until the number of unsent bytes is below the maximum."""
        while self._size > MAX_UNSENT_BYTES and not self.gone:
            self._flush()
            if self._sending is None:
                return
            self._drained = self._loop.create_future()
            await self._drained

    async def end(self, data: bytes) -> None:
        """Writes the last bytes and ends the response, even during a shutdown."""
        while self._sending is not None:
            await asyncio.wait({self._sending})
        rest = b"".join(self._unsent) + data
        self._unsent.clear()
        self._passed(self._size)
        if not self.gone:
            await self._send({"type": "http.response.body", "body": rest, "more_body": False})

    def _flush(self) -> None:
        self._scheduled = False
        if self._unsent and self._sending is None and not self.gone:
            body = self._unsent[0] if len(self._unsent) == 1 else b"".join(self._unsent)
            self._unsent.clear()
            if self._fast_path.write(body):
                self._passed(len(body))
            else:
                self._sending = self._loop.create_task(self._pass_on(body))
                self._sending.add_done_callback(self._sent)

    async def _pass_on(self, body: bytes) -> None:
        try:
            await self._send({"type": "http.response.body", "body": body, "more_body": True})
        except OSError:  # the client has gone; the watcher of `receive` ends the work
            self.gone = True
            self._unsent.clear()
        self._passed(len(body))

    def _passed(self, size: int) -> None:
        self._size -= size
        now = time.monotonic()
        if now - self.wrote_at > self.largest_gap:
            self.largest_gap = now - self.wrote_at
        self.wrote_at = now

    def _sent(self, _: asyncio.Task[None]) -> None:
        self._sending = None
        if self._source is not None:
            self._source.resume()
        if self._drained is not None and not self._drained.done():
            self._drained.set_result(None)
        if self._unsent:
            self._flush()
