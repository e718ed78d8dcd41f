"""The only client and the only upstream of the server whose work is counted. Both wait for it after each step.

They send nothing until the server has finished all work, so every run has the same steps.
"""

import json
import socket
import time
from collections.abc import Callable

from .counting import CountingLoop, Counts

SECONDS = 60.0
_END = b"0\r\n\r\n"


def _framed(payload: bytes) -> bytes:
    event = b"data: %b\n\n" % payload
    return b"%x\r\n%b\r\n" % (len(event), event)


def _chunk(delta: dict[str, str], reason: str | None = None, usage: dict[str, int] | None = None) -> bytes:
    choices = [] if usage else [{"index": 0, "delta": delta, "finish_reason": reason}]
    about = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1_700_000_000, "model": "any"}
    return _framed(json.dumps({**about, "choices": choices, **({"usage": usage} if usage else {})}).encode())


_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
_TOKEN = "token "
_FIRST = _HEAD + _chunk({"role": "assistant", "content": ""}) + _chunk({"content": _TOKEN})
_NEXT = _chunk({"content": _TOKEN})
_USAGE = {"prompt_tokens": 5, "completion_tokens": 5, "total_tokens": 10}
_LAST = _chunk({}, "stop") + _chunk({}, usage=_USAGE) + _framed(b"[DONE]") + _END


class Conversation:
    """Sends requests to the server at `port`, and acts as its upstream at the port `upstream`."""

    def __init__(self, loop: Callable[[], CountingLoop], port: int):
        self._loop, self._port = loop, port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(SECONDS)
        self.upstream: int = self._listener.getsockname()[1]
        self._carrier: socket.socket | None = None  # the one connection that the server keeps to its upstream

    def ask(self, chunks: int, stream: bool) -> Counts:
        """Sends one request on a new connection and answers it with `chunks` chunks. Returns the cost."""
        loop = self._loop()
        loop.forget_timers()
        before = loop.counts
        client = socket.socket()
        client.settimeout(SECONDS)
        self._step(lambda: client.connect(("127.0.0.1", self._port)))
        self._step(lambda: client.sendall(self._request(stream)))
        carrier = self._asked()
        answer = bytearray()
        for message in (_FIRST, *[_NEXT] * (chunks - 1), _LAST):
            self._step(lambda message=message: carrier.sendall(message))  # type: ignore[misc]
            answer += _there(client)
        self._step(client.close)
        said = bytes(answer)
        if said.count(_TOKEN.encode()) != chunks or not said.endswith(_END if stream else b"}"):
            raise AssertionError(f"the client did not get the answer that the upstream sent: {said[:2000]!r}")
        return loop.counts.since(before)

    def settle(self) -> None:
        """Waits until the server is idle after the warm-up. From then on, each step wakes the server exactly once."""
        busy = self._loop().selector.busy
        time.sleep(0.1)
        busy.acquire(blocking=False)

    def _step(self, action: Callable[[], object]) -> None:
        """Runs `action`. Returns when the server has handled it and waits again."""
        busy = self._loop().selector.busy
        busy.acquire(blocking=False)
        action()
        if not busy.acquire(timeout=SECONDS):
            raise TimeoutError("the server did not finish the step")

    def _asked(self) -> socket.socket:
        """Reads the server's request to the upstream. Returns the connection."""
        if self._carrier is None:
            self._carrier = self._listener.accept()[0]
            self._carrier.settimeout(SECONDS)
        read = b""
        while b"\r\n\r\n" not in read or not read.endswith(b"}"):
            read += self._carrier.recv(65536)
        return self._carrier

    def _request(self, stream: bool) -> bytes:
        asked = {"model": "any", "stream": stream, "messages": [{"role": "user", "content": "Say something."}]}
        body = json.dumps(asked).encode()
        head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1:{self._port}\r\n"
        head += f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        return head.encode() + body


def _there(client: socket.socket) -> bytes:
    """Returns the bytes that have arrived so far; empty if nothing has arrived."""
    client.setblocking(False)
    try:
        return client.recv(1 << 20)
    except BlockingIOError:
        return b""
    finally:
        client.settimeout(SECONDS)
