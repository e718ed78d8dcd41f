"""The HTTP/1.1 client for all requests of this process. It checks every URL against the egress list.
Contract file: replaced by updates.

Why not a library: the client takes the largest share of a relay's CPU time. Prototypes of a relay were measured side by
side with nginx. For each second of CPU time, the prototype with httpx did 0.15 times as much work as nginx, and the one
with aiohttp 0.33 times. A prototype whose socket callback passes the bytes of a body directly to their reader, as
this client does, did 0.42 to 0.55 times as much.

Left out on purpose: redirects (X1: they could lead anywhere), proxies from the environment, cookies,
HTTP/2, and requests for compression (it would delay tokens).
"""

import asyncio
import re
import ssl
from collections import deque
from collections.abc import Mapping
from typing import cast

from ..errors import UpstreamError
from ..limits import MAX_IDLE_CONNECTIONS, MAX_IDLE_SECONDS
from .egress import Egress, EgressRefused, Origin
from .response import Response

_HEADER_VALUE = re.compile(r"[\x20-\x7e]*")
# The end of a body often arrives just after its last event. The client waits this long for it, to reuse the connection.
LINGER_SECONDS = 1.0


class Connection(asyncio.Protocol):
    """One connection, which carries one request and response after another."""

    transport: asyncio.Transport

    def __init__(self, pool: "HttpClient", origin: Origin):
        self._pool, self.origin = pool, origin
        self.idle_since = 0.0
        self._response: Response | None = None  # kept after `close` until its body ends
        self._lingering: asyncio.TimerHandle | None = None

    def send(self, response: Response, message: bytes) -> None:
        self._response, response.connection = response, self
        self.transport.write(message)

    def release(self, response: Response, *, linger: bool) -> None:
        """Called when a response is closed. Closes the connection unless the body is complete or soon will be."""
        if response.whole:
            self._rest(response)
        elif linger and not self.transport.is_closing():
            self._lingering = asyncio.get_running_loop().call_later(LINGER_SECONDS, self.transport.abort)
        else:
            self._drop()
            self.transport.abort()

    def _rest(self, response: Response) -> None:
        self._drop()
        if response.reusable and not self.transport.is_closing():
            self._pool.keep(self)
        else:
            self.transport.abort()

    def _drop(self) -> None:
        if self._lingering is not None:
            self._lingering.cancel()
            self._lingering = None
        if self._response is not None:
            self._response.forget()
            self._response = None

    # Callbacks of asyncio.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's has the methods, but not the class
        self._pool.made(self)

    def data_received(self, data: bytes) -> None:
        response = self._response
        if response is None:
            self.transport.abort()  # bytes without a request
            return
        response.feed(data)
        if response.whole and response.closed:
            self._rest(response)

    def connection_lost(self, exc: Exception | None) -> None:
        self._pool.forget(self)
        response = self._response
        self._drop()
        if response is not None and not response.closed:
            response.lost(exc)


class HttpClient:
    """Sends requests. Connections are kept open and reused."""

    def __init__(self, egress: Egress, *, connect_seconds: float, silence_seconds: float):
        self.egress = egress
        self._connect_seconds, self._silence_seconds = connect_seconds, silence_seconds
        self._open: set[Connection] = set()
        self._idle: dict[Origin, deque[Connection]] = {}
        self._tls: ssl.SSLContext | None = None

    async def open(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes = b"", *, reuse: bool = True
    ) -> Response:
        """Sends a request and returns once the response's head has arrived. The caller must close the response.

        If `reuse` is false, the connection is a new one, so the request is sent once at most.

        Raises `UpstreamError` of the kinds `egress`, `unreachable`, `broke_off`, `silent`, `not_openai`, `too_large`.
        """
        try:
            origin, target = self.egress.check(url)
        except EgressRefused as refused:
            raise UpstreamError("egress", str(refused)) from None
        if not all(_HEADER_VALUE.fullmatch(value) for value in headers.values()):
            raise UpstreamError("egress", "a header's value contains a character that is not printable ASCII")
        lines = [f"{method} {target} HTTP/1.1", f"host: {origin.host_header}", f"content-length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        message = "\r\n".join([*lines, "", ""]).encode("latin-1") + body
        while True:
            connection, used = self._resting(origin) if reuse else None, True
            if connection is None:
                connection, used = await self._connect(origin), False
            response = Response(self._silence_seconds)
            connection.send(response, message)
            try:
                await response.head
            except UpstreamError as error:
                response.close()
                if used and not response.began and error.kind == "broke_off":
                    continue  # the server had closed the idle connection: does not count as an attempt
                raise
            except BaseException:
                response.close()
                raise
            return response

    def made(self, connection: Connection) -> None:
        self._open.add(connection)

    def keep(self, connection: Connection) -> None:
        connection.idle_since = asyncio.get_running_loop().time()
        resting = self._idle.setdefault(connection.origin, deque())
        resting.append(connection)
        while len(resting) > MAX_IDLE_CONNECTIONS or resting[0].idle_since < connection.idle_since - MAX_IDLE_SECONDS:
            resting.popleft().transport.abort()

    def forget(self, connection: Connection) -> None:
        self._open.discard(connection)
        resting = self._idle.get(connection.origin)
        if resting and connection in resting:
            resting.remove(connection)

    def close(self) -> None:
        """Closes all connections at once."""
        for connection in tuple(self._open):
            connection.transport.abort()
        self._idle.clear()

    def _resting(self, origin: Origin) -> Connection | None:
        resting = self._idle.get(origin)
        now = asyncio.get_running_loop().time()
        while resting:
            connection = resting.pop()
            if not connection.transport.is_closing() and connection.idle_since > now - MAX_IDLE_SECONDS:
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
