"""How requests reach a server: the user's own headers, TLS, and a time after which no request is sent."""
# Contract file: replaced by updates.

import http.client
import math
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

from .responses import NotShown

_OVER = "the time limit for all checks had passed"
_STOPPED = "the run was stopped before"


@dataclass
class Access:
    """Makes the connections of one run to the servers under test.

    `headers` are sent with every request, to the given server only. `tls` is for `https`. `until` is a time of
    `time.monotonic`: a later connection raises `NotShown`.
    """

    headers: Mapping[str, str] = field(default_factory=dict)
    tls: ssl.SSLContext | None = None
    until: float = math.inf
    _sockets: set[socket.socket] = field(default_factory=set)
    _stopped: threading.Event = field(default_factory=threading.Event)

    def elsewhere(self) -> "Access":
        """The same for another server, which does not get the user's headers."""
        return replace(self, headers={})

    @property
    def left(self) -> float:
        """The seconds that are left for requests."""
        return self.until - time.monotonic()

    @property
    def why_over(self) -> str:
        """Why no request is sent any more; empty while requests are sent."""
        return _STOPPED if self._stopped.is_set() else _OVER if self.left <= 0 else ""

    def connection(self, url: str, timeout: float) -> http.client.HTTPConnection:
        """A connection to the server at the URL, not yet open. Raises `NotShown` after the time limit."""
        if why := self.why_over:
            raise NotShown(why)
        parts, seconds = urlsplit(url), min(timeout, self.left)
        if parts.scheme == "https":
            return http.client.HTTPSConnection(parts.hostname or "", parts.port, timeout=seconds, context=self.tls)
        return http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=seconds)

    def opened(self, connection: socket.socket) -> None:
        """Remembers an open connection, which `stop` then closes."""
        self._sockets.add(connection)

    def closed(self, connection: socket.socket) -> None:
        self._sockets.discard(connection)

    def stop(self) -> None:
        """Sends no further request, and ends those that are open."""
        self._stopped.set()
        for connection in list(self._sockets):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


def tls_context(*, insecure: bool, ca: str | None) -> ssl.SSLContext:
    """The settings for TLS: with `insecure`, no certificate is checked; `ca` is a file of certificates to trust.

    Raises `OSError` if the file cannot be read, or has no certificate.
    """
    context = ssl.create_default_context(cafile=ca)
    if insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
