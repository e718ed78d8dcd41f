"""A TCP proxy between browser and server. Tests compare what a page shows with the bytes that the proxy recorded."""

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_EVENT = re.compile(rb"(?:data: |: )[^\n]*\n\n")


class Tap:
    """A proxy for the server at `goal`, which records what the server sends. The browser opens `url` instead."""

    def __init__(self, goal: str):
        host, port = goal.removeprefix("http://").split(":")
        self._goal = (host, int(port))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._sent: list[bytearray] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def stream(self, id: str) -> list[bytes]:
        """The recorded events of the streamed answer to the request with this id."""
        heads = [head for sent in self._sent for head in bytes(sent).split(b"HTTP/1.1 200 OK\r\n")]
        wanted = (b"x-request-id: " + id.encode(), b"content-type: text/event-stream")
        (answer,) = [head for head in heads if all(line in head.partition(b"\r\n\r\n")[0] for line in wanted)]
        return _EVENT.findall(answer.partition(b"\r\n\r\n")[2])

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # only this wakes the thread that waits in `accept`
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):  # the listener was closed
            while True:
                near, _ = self._listener.accept()
                threading.Thread(target=self._join, args=(near,), daemon=True).start()

    def _join(self, near: socket.socket) -> None:
        sent = bytearray()
        self._sent.append(sent)
        with near, socket.create_connection(self._goal) as far:
            back = threading.Thread(target=_pass, args=(far, near, sent), daemon=True)
            back.start()
            _pass(near, far, bytearray())
            back.join()


def _pass(one: socket.socket, other: socket.socket, seen: bytearray) -> None:
    with suppress(OSError):
        while data := one.recv(65536):
            seen += data
            other.sendall(data)
    for end in (one, other):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


@contextmanager
def tapped(url: str) -> Iterator[Tap]:
    tap = Tap(url)
    try:
        yield tap
    finally:
        tap.close()
