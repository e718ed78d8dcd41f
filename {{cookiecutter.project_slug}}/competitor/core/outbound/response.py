"""One HTTP request and its response: the head to wait for, the body pushed to a reader or collected."""
# Contract file: replaced by updates.

import asyncio
import zlib
from collections.abc import Callable
from typing import Protocol

from ..errors import UpstreamError

MAX_HEAD_BYTES = 64 * 1024
HIGH_WATER_BYTES = 64 * 1024
# A read of 64 KiB that unpacks to more than this is a bomb, not an answer.
MAX_UNPACKED_BYTES = 4 * 2**20


class Carrier(Protocol):
    """What an exchange asks of its connection."""

    transport: asyncio.Transport

    def leave(self, *, whole: bool, linger: bool) -> None: ...


class Exchange:
    """One request and its response.

    `status` and `headers` (lower-case names) hold once `HttpClient.open` has returned. Then the body
    is either pushed (`start`) or collected (`read`). `close` is called in any case.
    """

    def __init__(self, silence_seconds: float):
        self._loop = asyncio.get_running_loop()
        self.status = 0
        self.headers: dict[str, str] = {}
        self.began = False  # a byte of the response came
        self.whole = False  # the last byte of the body came
        self.stopped = False  # `stop` was called
        self.head: asyncio.Future[None] = self._loop.create_future()
        self.ended: asyncio.Future[None] = self._loop.create_future()
        self.connection: Carrier | None = None
        self._reader: Callable[[bytes], None] | None = None
        self._parts: list[bytes] = []
        self._waiting = 0
        self._head_size = 0
        self._paused = False
        self._unpacker: zlib._Decompress | None = None
        self._silence_seconds = silence_seconds
        self._heard_at = self._loop.time()
        self._timer = self._loop.call_later(silence_seconds, self._look)

    def start(self, reader: Callable[[bytes], None]) -> None:
        """Pushes the body to `reader`, at once and as it comes. `ended` resolves after the last byte, or raises."""
        self._reader = reader
        self.resume()
        self._deliver()

    async def read(self, most: int) -> bytes:
        """The whole body. Raises `UpstreamError`, also for more than `most` bytes."""
        body = bytearray()

        def keep(data: bytes) -> None:
            body.extend(data)
            if len(body) > most:
                raise UpstreamError("too_large", f"a body of more than {most} bytes")

        self.start(keep)
        await self.ended
        return bytes(body)

    def pause(self) -> None:
        if not self._paused and self.connection is not None and not self.connection.transport.is_closing():
            self._paused = True
            self.connection.transport.pause_reading()

    def resume(self) -> None:
        if self._paused and self.connection is not None:
            self._paused = False
            self._heard_at = self._loop.time()
            if not self.connection.transport.is_closing():
                self.connection.transport.resume_reading()

    def stop(self) -> None:
        """All of interest has come: `ended` resolves now."""
        self.stopped = True
        self._reader = None
        if not self.ended.done():
            self.ended.set_result(None)

    def close(self, *, finished: bool = False) -> None:
        """Gives the connection back, or cuts it. `finished`: all that matters came, the end may follow."""
        self._timer.cancel()
        self._reader = None
        self._parts.clear()
        for future in (self.head, self.ended):
            if not future.cancel() and not future.cancelled():
                future.exception()  # looked at, so that asyncio does not report it as lost
        if self.connection is not None:
            self.resume()
            self.connection.leave(whole=self.whole, linger=finished)
            self.connection = None

    # The connection's side.

    def received(self, size: int) -> None:
        self.began = True
        self._heard_at = self._loop.time()
        if not self.status:
            self._head_size += size

    def head_ends(self, status: int) -> None:
        self.status = status
        packing = self.headers.get("content-encoding", "identity").lower()
        if packing in ("gzip", "x-gzip", "deflate"):
            self._unpacker = zlib.decompressobj(zlib.MAX_WBITS | 32)
        elif packing != "identity":
            self.fail(UpstreamError("not_openai", f"a body encoded as {packing[:20]}"))
        if not self.head.done():
            self.head.set_result(None)

    def body(self, data: bytes) -> None:
        self._parts.append(data)
        self._waiting += len(data)

    def piece(self, data: bytes) -> None:
        """A read that is a whole chunk of the body, and all that waits for the reader."""
        self._heard_at = self._loop.time()
        if self._reader is None or self._parts or self._unpacker is not None:
            self.body(data)
            self.parsed()
            return
        try:
            self._reader(data)
        except Exception as error:  # noqa: BLE001 - whoever awaits `ended` gets it
            self.fail(error)

    def parsed(self) -> None:
        """One read went through the parser: the reader gets all of it in one piece."""
        if not self.status and self._head_size > MAX_HEAD_BYTES:
            self.fail(UpstreamError("too_large", "a response head of more than 64 KiB"))
        if self._reader is not None:
            self._deliver()
        elif self._waiting > HIGH_WATER_BYTES:
            self.pause()

    def fail(self, error: Exception) -> None:
        self._timer.cancel()
        self._reader = None
        for future in (self.head, self.ended):
            if not future.done():
                future.set_exception(error)

    def _deliver(self) -> None:
        reader = self._reader
        if self._parts and reader is not None:
            data = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
            self._parts.clear()
            self._waiting = 0
            try:
                reader(data if self._unpacker is None else self._unpacked(data, self._unpacker))
            except Exception as error:  # noqa: BLE001 - whoever awaits `ended` gets it
                self.fail(error)
        if self.whole and not self.ended.done():
            self.ended.set_result(None)

    def _unpacked(self, data: bytes, unpacker: "zlib._Decompress") -> bytes:
        try:
            unpacked = unpacker.decompress(data, MAX_UNPACKED_BYTES)
        except zlib.error:
            raise UpstreamError("not_openai", "a body that cannot be unpacked") from None
        if unpacker.unconsumed_tail:
            raise UpstreamError("too_large", "a body that unpacks to far more than was sent")
        return unpacked

    def _look(self) -> None:
        """The timer of silence. It moves on only when it fires, so a chunk costs it nothing."""
        left = self._silence_seconds if self._paused else self._heard_at + self._silence_seconds - self._loop.time()
        if left > 0:
            self._timer = self._loop.call_later(left, self._look)
        else:
            self.fail(UpstreamError("silent", f"no byte for {self._silence_seconds:g} s"))
