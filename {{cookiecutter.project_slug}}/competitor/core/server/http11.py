"""HTTP/1.1: uvicorn's protocol with time limits and size limits. Every refusal has OpenAI's error shape.
Contract file: replaced by updates.

A head has a time limit, a maximum size and a maximum number of fields; a body has a time limit, and `read_body` limits
its size. Trailers and chunk extensions count towards the size of the head, and no trailer becomes a header field. An
`Upgrade` is ignored (N4). Bytes that cannot be parsed are refused like any bad request. A silent socket is closed
without a response.
"""

import asyncio
import sys
from functools import partial
from typing import Any, cast

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from ..errors import ApiError
from ..limits import MAX_REQUEST_FIELDS, MAX_REQUEST_HEAD_BYTES
from ..request.error_responses import refusal
from ..settings import Settings

# A client that still sends when the connection closes may lose the response, so its bytes are read and discarded first.
LINGER_SECONDS = 2.0
# Bytes around the data of a chunk without an extension: its size in hex, and two line breaks.
_CHUNK_FRAMING_BYTES = 20


def intake(settings: Settings) -> type[asyncio.Protocol]:
    """Makes the protocol for uvicorn's option `http`, with the limits of these settings."""
    made = partial(Intake, head_seconds=settings.head_seconds, body_seconds=settings.body_seconds)
    return cast(type[asyncio.Protocol], made)


class Intake(HttpToolsProtocol):
    """One connection. Its timer runs only while a head or a body is incomplete."""

    def __init__(self, *args: Any, head_seconds: float, body_seconds: float, **named: Any):
        super().__init__(*args, **named)
        self._head_seconds, self._body_seconds = head_seconds, body_seconds
        self._head_size = 0  # bytes of a head that is not complete yet
        self._in_head = self._in_body = False
        self._phase = 0  # counts the heads and bodies that have begun
        self._heads = 0  # counts the heads that have ended
        self._extra = 0  # bytes of this body that are neither data nor the usual framing of chunks
        self._upgrading = False  # whether the parser takes what follows for another protocol
        self._data = b""  # what the parser is reading
        self._trailers = 0
        self._over: ApiError | None = None  # our reason for stopping the parser, if any
        self._refused = False
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._timer = self.loop.call_later(self._head_seconds, self._too_slow)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._refused:
            return
        phase, self._data, heads = self._phase, data, self._heads
        in_body = self._in_body
        if in_body:
            self._extra += len(data)
        super().data_received(data)
        same = phase == self._phase
        if not in_body and self._heads == heads + 1:  # one head has ended in these bytes
            end = data.find(b"\r\n\r\n")
            self._extra += len(data) - (end + 4 if end >= 0 else 0)
        if self._extra > MAX_REQUEST_HEAD_BYTES:
            self._refuse(_head_too_large())
        if same and not self._in_body and (self.cycle is None or self.cycle.response_complete):
            self._in_head = True  # also for bytes before a request, such as line breaks
        if self._in_head:
            self._head_size = self._head_size + len(data) if same else len(data)
            if self._head_size > MAX_REQUEST_HEAD_BYTES:
                self._refuse(_head_too_large())
        if self._refused:
            return
        incomplete = self._in_head or self._in_body
        if not (same and incomplete):
            self._stop_timer()
        if incomplete and self._timer is None and not self.transport.is_closing():
            seconds = self._head_seconds if self._in_head else self._body_seconds
            self._timer = self.loop.call_later(seconds, self._too_slow)

    def send_400_response(self, msg: str) -> None:
        """Refuses bytes that uvicorn's parser could not read; uvicorn calls this."""
        self._refuse(self._over or ApiError("bad_request", "The request is not HTTP/1.1."))

    # Called by the parser. An exception here stops the parser, which leads to `send_400_response`.

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = True
        self._phase += 1

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._in_body:
            super().on_header(name, value)
            return
        self._trailers += len(name) + len(value) + 4
        if self._trailers > MAX_REQUEST_HEAD_BYTES:
            self._over = _head_too_large()
            raise self._over

    def on_chunk_header(self) -> None:
        self._extra -= _CHUNK_FRAMING_BYTES

    def on_body(self, body: bytes) -> None:
        self._extra -= len(body)
        super().on_body(body)

    def on_headers_complete(self) -> None:
        if self.parser.should_upgrade() and self.parser.get_method() != b"CONNECT":
            self._upgrading = True
            return
        self._in_head = False
        self._extra = self._trailers = 0
        self._heads += 1
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if size > MAX_REQUEST_HEAD_BYTES or len(self.headers) > MAX_REQUEST_FIELDS:
            self._over = _head_too_large()
            raise self._over
        super().on_headers_complete()
        self._in_body = True
        self._phase += 1

    def on_message_complete(self) -> None:
        if self._upgrading:
            return
        self._in_body = False
        super().on_message_complete()

    def _unsupported_upgrade_warning(self) -> None:
        """Reads the request again without its `Upgrade`, since the parser stops after such a head.

        uvicorn calls this while it handles the parser's exception, which holds the length of the head.
        """
        stopped, data = cast(httptools.HttpParserUpgrade, sys.exception()), self._data
        while self._upgrading:
            self._upgrading = False
            kept = [b"%b: %b\r\n" % field for field in self.headers if field[0] != b"upgrade"]
            head = b"%b %b HTTP/1.1\r\n%b\r\n" % (self.parser.get_method(), self.url, b"".join(kept))
            data = head + data[stopped.args[0] :]
            self.parser = httptools.HttpRequestParser(self)
            try:
                self.parser.feed_data(data)
            except httptools.HttpParserUpgrade as another:  # of the next request in these bytes
                stopped = another
            except httptools.HttpParserError:
                self.send_400_response("")

    # Refusals and timeouts.

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _too_slow(self) -> None:
        self._timer = None
        if self._in_head:
            self._refuse(_too_slow("head", self._head_seconds))
        elif self._in_body:
            self._refuse(_too_slow("body", self._body_seconds))
        elif self.cycle is None:  # no byte arrived
            self.transport.close()

    def _refuse(self, error: ApiError) -> None:
        """Sends the refusal and closes the connection. If an answer has already begun, no refusal is sent."""
        if self._refused:
            return
        self._refused = True
        self._stop_timer()
        cycle: RequestResponseCycle | None = self.cycle
        unanswered = cycle is None or not cycle.response_started or (self._in_head and cycle.response_complete)
        if unanswered and not self.pipeline:
            if cycle is not None:  # ends the work on the request
                cycle.disconnected = True
                cycle.message_event.set()
            response = refusal(error, {})
            fields = [*self.server_state.default_headers, *response.raw_headers, (b"connection", b"close")]
            head = b"".join(b"%b: %b\r\n" % field for field in fields)
            self.transport.write(STATUS_LINE[response.status_code] + head + b"\r\n" + bytes(response.body))
            self.transport.write_eof()
            self._timer = self.loop.call_later(LINGER_SECONDS, self.transport.close)
        else:
            self.transport.close()


def _head_too_large() -> ApiError:
    limits = f"{MAX_REQUEST_HEAD_BYTES} bytes and {MAX_REQUEST_FIELDS} header fields"
    return ApiError("head_too_large", f"The request's head must have at most {limits}.")


def _too_slow(part: str, seconds: float) -> ApiError:
    return ApiError("too_slow", f"The request's {part} must be complete within {seconds:g} s.")
