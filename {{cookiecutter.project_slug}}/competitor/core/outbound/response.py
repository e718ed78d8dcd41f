"""One HTTP request and its response. The body is passed to a reader as it arrives, or collected.
Contract file: replaced by updates.
"""

import asyncio
import re
import zlib
from collections.abc import Callable
from typing import Protocol

import httptools

from ..errors import UpstreamError
from ..limits import MAX_RESPONSE_HEAD_BYTES, MAX_UNPACKED_BYTES, MAX_UNREAD_BYTES

# Values of Content-Encoding that mean the body is sent as it is; `none` and `utf-8` are seen in real servers.
PLAIN_ENCODINGS = frozenset(("", "none", "identity", "utf-8", "utf8"))
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,8})\r\n")


class Carrier(Protocol):
    """What a response needs from its connection."""

    transport: asyncio.Transport

    def release(self, response: "Response", *, linger: bool) -> None: ...


class Response:
    """One request and its response.

    `status` and `headers` (lower-case names) are known when `HttpClient.open` returns. The body is then either
    passed to a reader (`start`) or collected (`read`). Call `close` in any case.
    """

    def __init__(self, silence_seconds: float):
        self._loop = asyncio.get_running_loop()
        self.status = 0
        self.headers: dict[str, str] = {}
        self.began = False  # a byte of the response has arrived
        self.whole = False  # the last byte of the body has arrived
        self.reusable = False  # the connection may carry another request; known when `whole`
        self.stopped = False  # `stop` was called
        self.closed = False  # `close` was called
        self.head: asyncio.Future[None] = self._loop.create_future()
        self.ended: asyncio.Future[None] = self._loop.create_future()
        self.connection: Carrier | None = None
        self._parser: httptools.HttpResponseParser | None = httptools.HttpResponseParser(self)
        self._at_chunk = False  # the parser is between two chunks of a body
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
        """Passes the body to `reader` as it arrives. `ended` resolves after the last byte, or raises."""
        self._reader = reader
        self.resume()
        self._deliver()

    def switch(self, reader: Callable[[bytes], None]) -> None:
        """Passes the rest of the body to another reader. A reader may call this."""
        self._reader = reader

    async def read(self, max_bytes: int) -> bytes:
        """Returns the whole body. Raises `UpstreamError`, for example for more than `max_bytes`."""
        body = bytearray()

        def keep(data: bytes) -> None:
            body.extend(data)
            if len(body) > max_bytes:
                raise UpstreamError("too_large", f"a body of more than {max_bytes} bytes")

        self.start(keep)
        await self.ended
        return bytes(body)

    def pause(self) -> None:
        if self._paused or self.closed or self.connection is None:
            return
        if not self.connection.transport.is_closing():
            self._paused = True
            self.connection.transport.pause_reading()

    def resume(self) -> None:
        if self._paused and self.connection is not None:
            self._paused = False
            self._heard_at = self._loop.time()
            if not self.connection.transport.is_closing():
                self.connection.transport.resume_reading()

    def stop(self) -> None:
        """Stops reading, since all that is needed has arrived: `ended` resolves now."""
        self.stopped = True
        self._reader = None
        if not self.ended.done():
            self.ended.set_result(None)

    def close(self, *, finished: bool = False) -> None:
        """Releases or closes the connection. Pass `finished` if all content is here; the body's end may be missing."""
        self._timer.cancel()
        self._reader = None
        self._parts.clear()
        for future in (self.head, self.ended):
            if not future.cancel() and not future.cancelled():
                future.exception()  # retrieved, so that asyncio does not report it as lost
        if self.connection is not None and not self.closed:
            self.resume()
            self.closed = True
            self.connection.release(self, linger=finished)

    def forget(self) -> None:
        """Drops references to parser and connection, to break a reference cycle."""
        self._parser = self.connection = None

    # Called by the connection.

    def feed(self, data: bytes) -> None:
        """Takes bytes from the socket. After `close` it only looks for the end of the body."""
        if self._at_chunk and (chunk := _whole_chunk(data)):  # the usual case in a stream
            self._heard_at = self._loop.time()
            if self._reader is None or self._parts or self._unpacker is not None:
                self.on_body(chunk)
                self._parsed()
                return
            try:
                self._reader(chunk)
            except Exception as error:  # noqa: BLE001 - whoever awaits `ended` gets it
                self.fail(error)
            return
        self.began = True
        self._heard_at = self._loop.time()
        if not self.status:
            self._head_size += len(data)
        try:
            if self._parser is not None:
                self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self.fail(UpstreamError("not_openai", f"not HTTP/1.1: {type(error).__name__}"))
            if self.connection is not None:
                self.connection.transport.abort()
            return
        self._at_chunk = self._at_chunk and data.endswith(b"\r\n")  # otherwise the read ends within a chunk's size
        self._parsed()

    def lost(self, error: Exception | None) -> None:
        """Called when the connection is closed. If there is no error, a body without a declared length is complete."""
        unframed = "content-length" not in self.headers and "transfer-encoding" not in self.headers
        if self.status and unframed and error is None:
            self.whole = True
            self._parsed()
        else:
            detail = "the connection was closed" if error is None else type(error).__name__
            self.fail(UpstreamError("broke_off", detail))

    def fail(self, error: Exception) -> None:
        self._timer.cancel()
        self._reader = None
        for future in (self.head, self.ended):
            if not future.done():
                future.set_exception(error)

    # Called by the parser. After a response with a status of 1xx, the real one follows.

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code() if self._parser is not None else 0
        if status < 200:
            self.headers.clear()
            return
        self.status = status
        packing = self.headers.get("content-encoding", "").strip().lower()
        if packing in ("gzip", "x-gzip", "deflate"):
            self._unpacker = zlib.decompressobj(zlib.MAX_WBITS | 32)
        elif packing not in PLAIN_ENCODINGS:
            self.fail(UpstreamError("not_openai", f"a body encoded as {packing[:20]}"))
        if not self.head.done():
            self.head.set_result(None)

    def on_body(self, body: bytes) -> None:
        if not self.closed:
            self._parts.append(body)
            self._waiting += len(body)

    def on_chunk_header(self) -> None:
        self._at_chunk = False

    def on_chunk_complete(self) -> None:
        self._at_chunk = True

    def on_message_complete(self) -> None:
        self._at_chunk = False
        if self.status and self._parser is not None:
            self.reusable = self._parser.should_keep_alive()  # must be read now: later it is about the next message
            self.whole = True

    def _parsed(self) -> None:
        """Passes the parsed bytes of one socket read to the reader, in one piece."""
        if not self.status and self._head_size > MAX_RESPONSE_HEAD_BYTES:
            self.fail(UpstreamError("too_large", "a response head of more than 64 KiB"))
        if self._reader is not None:
            self._deliver()
        elif self._waiting > MAX_UNREAD_BYTES:
            self.pause()

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
            raise UpstreamError("too_large", "a body that unpacks to far more bytes than were sent")
        return unpacked

    def _look(self) -> None:
        """Checks for silence. To save CPU, a chunk does not restart the timer: only this function does."""
        left = self._silence_seconds if self._paused else self._heard_at + self._silence_seconds - self._loop.time()
        if left > 0:
            self._timer = self._loop.call_later(left, self._look)
        else:
            self.fail(UpstreamError("silent", f"no byte for {self._silence_seconds:g} s"))


def _whole_chunk(data: bytes) -> bytes | None:
    """The content of `data` if it is exactly one chunk of chunked transfer encoding, the usual case; otherwise None.

    Such a chunk bypasses the parser. This is safe: at that moment the parser expects a new chunk, and it still does so
    afterwards.
    """
    size = _CHUNK_SIZE.match(data)
    if size is None or data[-2:] != b"\r\n" or int(size[1], 16) != len(data) - size.end() - 2:
        return None
    return data[size.end() : -2]
