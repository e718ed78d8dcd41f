"""The load client: opens streams, records when every token and delta arrives, and checks that nothing is lost.

The client reads sockets itself, to cost little compared with the servers. An event's time is the moment when it is
parsed, as in the arena's benchmark.
"""

import asyncio
import json
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import cast
from urllib.parse import urlsplit

KEY = "sk-" + "0123456789abcdef" * 4  # LiteLLM refuses to start with a weak key
CONTENT = re.compile(rb'"content": ?"([^"\\]+)"')  # the mock's text needs no escapes
TOKEN = re.compile(rb"t(\d+)@(\d+)x* ")


@dataclass(slots=True)
class Result:
    """One answer. Times are seconds of the monotonic clock; a latency is the time from sending to parsing a token."""

    asked_at: float = 0.0
    arrivals: list[float] = field(default_factory=list)  # times of the content deltas
    latencies: list[float] = field(default_factory=list)  # one for each token
    complete: bool = False
    wrong: str | None = None

    @property
    def first(self) -> float | None:
        """Seconds from the request to the first content delta; None if there was none."""
        return self.arrivals[0] - self.asked_at if self.arrivals else None


class _Client(asyncio.Protocol):
    """One request on one connection. `finished` is set when the answer ends, right or wrong."""

    transport: asyncio.Transport

    def __init__(self, request: bytes):
        self.request, self.result = request, Result()
        self.finished: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.raw, self.events, self.text = b"", b"", b""
        self.headed = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.result.asked_at = time.monotonic()
        self.transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        if not self.headed:
            head, found, data = (self.raw + data).partition(b"\r\n\r\n")
            if not found:
                self.raw = head
                return
            self.headed, self.raw = True, b""
            if not head.startswith(b"HTTP/1.1 200") or b"chunked" not in head.lower():
                self.fail(f"not a stream: {head[:80].decode('latin-1')} {data[:200].decode('latin-1')}")
                return
        body, ended = self.dechunked(data)
        self.read(self.events + body)
        if ended and not self.finished.done():
            self.close()

    def dechunked(self, data: bytes) -> tuple[bytes, bool]:
        """The body of the chunks that have arrived completely, and whether the last chunk has arrived."""
        raw, at = self.raw + data, 0
        parts: list[bytes] = []
        while (line_end := raw.find(b"\r\n", at)) >= 0:
            size = int(raw[at:line_end], 16)
            start = line_end + 2
            if size == 0:
                return b"".join(parts), True
            if len(raw) < start + size + 2:
                break
            parts.append(raw[start : start + size])
            at = start + size + 2
        self.raw = raw[at:]
        return b"".join(parts), False

    def read(self, body: bytes) -> None:
        end = body.rfind(b"\n\n") + 2 if b"\n\n" in body else 0
        self.events, result = body[end:], self.result
        if not end:
            return
        pieces = [self.text]
        for event in CONTENT.finditer(body, 0, end):
            result.arrivals.append(time.monotonic())
            pieces.append(event[1])
        if len(pieces) > 1:
            self.read_tokens(b"".join(pieces), result.arrivals[-1])
        result.complete = result.complete or body.rfind(b"data: [DONE]", 0, end) >= 0

    def read_tokens(self, text: bytes, now: float) -> None:
        at, latencies = 0, self.result.latencies
        for token in TOKEN.finditer(text):
            if token.start() != at or int(token[1]) != len(latencies):
                self.fail(f"wrong text (lost, repeated or foreign) at token {len(latencies)}: {text[at : at + 60]!r}")
                return
            at = token.end()
            latencies.append(now - int(token[2]) / 1e6)
        self.text = text[at:]

    def fail(self, why: str) -> None:
        self.result.wrong = self.result.wrong or why
        self.close()

    def close(self) -> None:
        if not self.finished.done():
            self.finished.set_result(None)
        self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.finished.done():
            self.fail(f"the connection ended early: {exc}")


def _request(url: str, model: str) -> tuple[str, int, bytes]:
    parts = urlsplit(url)
    asked = {
        "model": model,
        "stream": True,
        "stream_options": {"include_usage": True},
        "messages": [{"role": "user", "content": "Say something."}],
    }
    body = json.dumps(asked).encode()
    head = (
        f"POST {parts.path} HTTP/1.1\r\nhost: {parts.netloc}\r\ncontent-type: application/json\r\n"
        f"authorization: Bearer {KEY}\r\naccept: text/event-stream\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return parts.hostname or "", parts.port or 80, head.encode() + body


async def ask(url: str, model: str, tokens: int, seconds: float) -> Result:
    """Requests one streamed answer. `Result.wrong` says what is wrong with it. `seconds` is the time limit."""
    host, port, request = _request(url, model)
    try:
        _, client = await asyncio.get_running_loop().create_connection(lambda: _Client(request), host, port)
    except OSError as error:
        return Result(wrong=str(error))
    try:
        await asyncio.wait_for(client.finished, seconds)
    except TimeoutError:
        client.fail(f"the answer did not end within {seconds:g} s")
    result = client.result
    if result.wrong is None and not result.complete:
        result.wrong = "no [DONE]"
    if result.wrong is None and (len(result.latencies) != tokens or client.text.strip()):
        result.wrong = f"{len(result.latencies)} of {tokens} tokens arrived, then {client.text[:60]!r}"
    return result


@dataclass(frozen=True)
class Load:
    """A load: `streams` concurrent streams that share `requests` requests. They start within `ramp` seconds."""

    model: str
    streams: int
    requests: int
    ramp: float = 0.0
    seconds: float = 120.0  # the time limit of one answer

    @property
    def tokens(self) -> int:
        found = re.search(r"-n(\d+)", self.model)
        return int(found[1]) if found else 10


async def drive(url: str, load: Load) -> list[Result]:
    return (await drive_all([url], load))[0]


async def drive_all(urls: Sequence[str], load: Load) -> list[list[Result]]:
    """Puts one load on several servers at once, with requests in the order A B B A. Returns each server's answers."""
    results: list[list[Result]] = [[] for _ in urls]
    turns = [*range(len(urls)), *reversed(range(len(urls)))]
    left: Iterator[int] = iter(range(load.requests))

    async def stream(delay: float) -> None:
        await asyncio.sleep(delay)
        for number in left:
            turn = turns[number % len(turns)]
            results[turn].append(await ask(urls[turn], load.model, load.tokens, load.seconds))

    await asyncio.gather(*(stream(load.ramp * number / load.streams) for number in range(load.streams)))
    return results


def run(url: str, load: Load) -> list[Result]:
    """Puts this load on a server. Returns all answers."""
    return run_all([url], load)[0]


def run_all(urls: Sequence[str], load: Load) -> list[list[Result]]:
    import uvloop

    return uvloop.run(drive_all(urls, load))
