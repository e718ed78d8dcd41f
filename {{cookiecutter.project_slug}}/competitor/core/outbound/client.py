"""The HTTP/1.1 client for everything this process calls. Every call is checked against the egress list.
Contract file: replaced by updates.

Own code, since the client is the largest cost of a relay. Prototypes of one relay, measured side by
side, did 0.15 of nginx's work per CPU second on httpx, 0.33 on aiohttp, and 0.42 to 0.55 on a protocol
that pushes the bytes of a body to its reader from the socket's own callback, as this one does.

Deliberately absent: redirects (X1: they could lead anywhere), proxies from the environment, cookies,
HTTP/2, and asking for compression (it would hold tokens back).
"""

import asyncio
import re
import ssl
from collections import deque
from collections.abc import Mapping
from typing import cast

import httptools

from ..errors import UpstreamError
from .egress import Egress, EgressRefused, Origin
from .response import Exchange

_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,8})\r\n")
_HEADER_VALUE = re.compile(r"[\x20-\x7e]*")
MAX_IDLE = 256
IDLE_SECONDS = 30.0
# The end of a body often comes just after its last event; waiting for it lets the connection be used again.
LINGER_SECONDS = 1.0


class Connection(asyncio.Protocol):
    """One connection; it carries one exchange after the other."""

    transport: asyncio.Transport

    def __init__(self, pool: "HttpClient", origin: Origin):
        self._pool, self.origin = pool, origin
        self.idle_since = 0.0
        self._exchange: Exchange | None = None
        self._lingering: asyncio.TimerHandle | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._reusable = False
        self._at_chunk = False  # the parser is between two chunks of a body

    def send(self, exchange: Exchange, message: bytes) -> None:
        self._exchange, exchange.connection = exchange, self
        self._parser = httptools.HttpResponseParser(self)
        self._reusable = self._at_chunk = False
        self.transport.write(message)

    def leave(self, *, whole: bool, linger: bool) -> None:
        self._exchange = None
        if whole:
            self._rest()
        elif linger and not self.transport.is_closing():
            self._lingering = asyncio.get_running_loop().call_later(LINGER_SECONDS, self.transport.abort)
        else:
            self.transport.abort()

    def _rest(self) -> None:
        if self._lingering is not None:
            self._lingering.cancel()
            self._lingering = None
        if self._reusable and not self.transport.is_closing():
            self._pool.keep(self)
        else:
            self.transport.abort()

    # asyncio's side.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is one by behaviour, not by class
        self._pool.made(self)

    def data_received(self, data: bytes) -> None:
        exchange = self._exchange
        if self._at_chunk and exchange is not None and (chunk := _whole_chunk(data)):
            exchange.piece(chunk)
            return
        if exchange is None and self._lingering is None:
            self.transport.abort()  # bytes that nobody asked for
            return
        if exchange is not None:
            exchange.received(len(data))
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            if exchange is not None:
                exchange.fail(UpstreamError("not_openai", f"not HTTP/1.1: {type(error).__name__}"))
            self.transport.abort()
            return
        self._at_chunk = self._at_chunk and data.endswith(b"\r\n")  # else it holds the beginning of a size
        if exchange is not None:
            exchange.parsed()

    def connection_lost(self, exc: Exception | None) -> None:
        self._pool.forget(self)
        if self._lingering is not None:
            self._lingering.cancel()
        exchange = self._exchange
        if exchange is None:
            return
        unframed = "content-length" not in exchange.headers and "transfer-encoding" not in exchange.headers
        if exchange.status and unframed and exc is None:
            exchange.whole = True  # such a body ends with its connection
            exchange.parsed()
        else:
            exchange.fail(
                UpstreamError("broke_off", "the connection was closed" if exc is None else type(exc).__name__)
            )

    # The parser's side. A response of the 100s is followed by the real one.

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._exchange is not None:
            self._exchange.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if self._exchange is not None:
            if status < 200:
                self._exchange.headers.clear()
            else:
                self._exchange.head_ends(status)

    def on_body(self, body: bytes) -> None:
        if self._exchange is not None:
            self._exchange.body(body)

    def on_chunk_header(self) -> None:
        self._at_chunk = False

    def on_chunk_complete(self) -> None:
        self._at_chunk = True

    def on_message_complete(self) -> None:
        self._at_chunk = False
        self._reusable = self._parser.should_keep_alive()  # true only now; afterwards it speaks of the next message
        if self._exchange is None:
            self._rest()
        elif self._exchange.status:
            self._exchange.whole = True


def _whole_chunk(data: bytes) -> bytes | None:
    """What one chunk of chunked transfer encoding holds, where `data` is just that: nearly every read of a stream.

    The parser is spared the chunk: between two chunks it does not notice.
    """
    size = _CHUNK_SIZE.match(data)
    if size is None or data[-2:] != b"\r\n" or int(size[1], 16) != len(data) - size.end() - 2:
        return None
    return data[size.end() : -2]


class HttpClient:
    """Opens exchanges, on connections that are kept and used again."""

    def __init__(self, egress: Egress, *, connect_seconds: float, silence_seconds: float):
        self.egress = egress
        self._connect_seconds, self._silence_seconds = connect_seconds, silence_seconds
        self._open: set[Connection] = set()
        self._idle: dict[Origin, deque[Connection]] = {}
        self._tls: ssl.SSLContext | None = None

    async def open(self, method: str, url: str, headers: Mapping[str, str], body: bytes = b"") -> Exchange:
        """Sends a request and returns when the response's head is here. The caller closes the exchange.

        Raises `UpstreamError`: `egress`, `unreachable`, `broke_off`, `silent`, `not_openai`, `too_large`.
        """
        try:
            origin, target = self.egress.check(url)
        except EgressRefused as refused:
            raise UpstreamError("egress", str(refused)) from None
        if not all(_HEADER_VALUE.fullmatch(value) for value in headers.values()):
            raise UpstreamError("egress", "a header's value could start another header")
        lines = [f"{method} {target} HTTP/1.1", f"host: {origin.host_header}", f"content-length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        message = "\r\n".join([*lines, "", ""]).encode("latin-1") + body
        while True:
            connection, used = self._resting(origin), True
            if connection is None:
                connection, used = await self._connect(origin), False
            exchange = Exchange(self._silence_seconds)
            connection.send(exchange, message)
            try:
                await exchange.head
            except UpstreamError as error:
                exchange.close()
                if used and not exchange.began and error.kind == "broke_off":
                    continue  # the server had closed it while it rested: no attempt was made yet
                raise
            except BaseException:
                exchange.close()
                raise
            return exchange

    def made(self, connection: Connection) -> None:
        self._open.add(connection)

    def keep(self, connection: Connection) -> None:
        connection.idle_since = asyncio.get_running_loop().time()
        resting = self._idle.setdefault(connection.origin, deque())
        resting.append(connection)
        while len(resting) > MAX_IDLE or resting[0].idle_since < connection.idle_since - IDLE_SECONDS:
            resting.popleft().transport.abort()

    def forget(self, connection: Connection) -> None:
        self._open.discard(connection)
        resting = self._idle.get(connection.origin)
        if resting and connection in resting:
            resting.remove(connection)

    def close(self) -> None:
        """All connections, also those that wait for the end of a body that nobody wants."""
        for connection in tuple(self._open):
            connection.transport.abort()
        self._idle.clear()

    def _resting(self, origin: Origin) -> Connection | None:
        resting = self._idle.get(origin)
        now = asyncio.get_running_loop().time()
        while resting:
            connection = resting.pop()
            if not connection.transport.is_closing() and connection.idle_since > now - IDLE_SECONDS:
                return connection
            connection.transport.abort()
        return None

    async def _connect(self, origin: Origin) -> Connection:
        loop = asyncio.get_running_loop()
        if origin.scheme == "https" and self._tls is None:
            self._tls = ssl.create_default_context()
        tls = self._tls if origin.scheme == "https" else None
        host = origin.host.strip("[]")
        try:
            async with asyncio.timeout(self._connect_seconds):
                _, connection = await loop.create_connection(
                    lambda: Connection(self, origin), host, origin.port, ssl=tls, server_hostname=host if tls else None
                )
        except TimeoutError:
            raise UpstreamError("unreachable", f"no connection within {self._connect_seconds:g} s") from None
        except (OSError, ssl.SSLError, ValueError) as error:
            raise UpstreamError("unreachable", f"{type(error).__name__}: {error}"[:200]) from None
        return connection
