"""The upstream, as a separate process: an OpenAI-compatible server. The name of the model says what the server sends.

    python -m benchmarks.mock PORT        0 chooses a free port; the port is printed

Every server passes the model's name on, so the name can describe the load: `mock-n100-d20` means 100 tokens, 20 ms
apart (see `Plan`). Each token has its number and the time at which it was sent, in microseconds of the monotonic
clock, so that a client on the same machine can compute its latency. Streams do not have tasks: timers
send the tokens.
"""

import asyncio
import json
import re
import sys
import time
from dataclasses import dataclass
from typing import Self, cast

HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\n"
    b"transfer-encoding: chunked\r\n\r\n"
)


@dataclass(frozen=True)
class Plan:
    """The load that a model's name describes: pairs of a letter and a number, in any order, joined by hyphens."""

    tokens: int = 10  # n
    gap_ms: float = 0.0  # d: time between two ticks; 0 sends as fast as the client reads
    wait_ms: float = 0.0  # t: time before the first token
    burst: int = 1  # b: tokens per tick, each in a delta of its own
    per_delta: int = 1  # k: tokens in one delta
    accepted: int = 0  # a: a tick has 1 to this many tokens, by a fixed sequence, as in speculative decoding
    silence_ms: float = 0.0  # s: additional silence before the last tick
    size: int = 0  # z: bytes of padding in each token

    @classmethod
    def of(cls, model: str) -> Self:
        given = {letter: float(number) for letter, number in re.findall(r"-([a-z])(\d+(?:\.\d+)?)", model)}
        return cls(
            tokens=int(given.get("n", 10)),
            gap_ms=given.get("d", 0.0),
            wait_ms=given.get("t", 0.0),
            burst=int(given.get("b", 1)),
            per_delta=int(given.get("k", 1)),
            accepted=int(given.get("a", 0)),
            silence_ms=given.get("s", 0.0),
            size=int(given.get("z", 0)),
        )

    def ticks(self) -> list[int]:
        """The number of tokens that each tick sends. Their sum is `tokens`."""
        counts, left, seed = [], self.tokens, 1
        while left > 0:
            seed = seed * 1103515245 + 12345 & 0x7FFFFFFF  # the same sequence in every run and every language
            wanted = (seed >> 16) % self.accepted + 1 if self.accepted else self.burst * self.per_delta
            counts.append(min(wanted, left))
            left -= counts[-1]
        return counts


def _framed(payload: bytes) -> bytes:
    event = b"data: %b\n\n" % payload
    return b"%x\r\n%b\r\n" % (len(event), event)


class _Stream:
    """One streamed answer, sent on a fixed schedule. A slow reader does not change the schedule."""

    def __init__(self, connection: "_Connection", model: str, usage: bool):
        self.plan, self.connection = Plan.of(model), connection
        self.ticks, self.sent, self.done = self.plan.ticks(), 0, 0
        self.padding = b"x" * self.plan.size
        base = (
            b'{"id":"chatcmpl-mock","object":"chat.completion.chunk","created":1700000000,"model":%b,'
            b'"system_fingerprint":"fp_mock","choices":[' % json.dumps(model).encode()
        )
        self.before = base + b'{"index":0,"delta":{"content":"'
        self.after = b'"},"logprobs":null,"finish_reason":null}]}'
        role = base + b'{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}]}'
        last = _framed(base + b'{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}]}')
        count = self.plan.tokens
        counted = b'],"usage":{"prompt_tokens":11,"completion_tokens":%d,"total_tokens":%d}}' % (count, count + 11)
        self.end = last + (_framed(base + counted) if usage else b"") + _framed(b"[DONE]") + b"0\r\n\r\n"
        connection.transport.write(HEAD + _framed(role))
        loop = asyncio.get_running_loop()
        self.due = loop.time() + self.plan.wait_ms / 1000
        self.timer: asyncio.Handle | None = loop.call_at(self.due, self.tick)

    def deltas(self, tokens: int) -> bytes:
        now, written = time.monotonic_ns() // 1000, []
        for first in range(self.sent, self.sent + tokens, self.plan.per_delta):
            numbers = range(first, min(first + self.plan.per_delta, self.sent + tokens))
            text = b"".join(b"t%d@%d%b " % (number, now, self.padding) for number in numbers)
            written.append(_framed(self.before + text + self.after))
        self.sent += tokens
        return b"".join(written)

    def tick(self) -> None:
        if self.connection.paused:
            self.timer = None  # `resume_writing` calls this method again
            return
        out, self.done = self.deltas(self.ticks[self.done]), self.done + 1
        if self.done == len(self.ticks):
            self.connection.stream = None
            self.connection.transport.write(out + self.end)
            return
        self.connection.transport.write(out)
        loop, last = asyncio.get_running_loop(), self.done == len(self.ticks) - 1
        self.due += (self.plan.gap_ms + (self.plan.silence_ms if last else 0)) / 1000
        self.timer = loop.call_at(self.due, self.tick) if self.due > loop.time() else loop.call_soon(self.tick)


class _Connection(asyncio.Protocol):
    """Reads requests, one after the other, and answers each: a chat with a stream, any other request with `{}`."""

    transport: asyncio.Transport

    def __init__(self) -> None:
        self.buffer, self.paused = b"", False
        self.stream: _Stream | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.stream and self.stream.timer:
            self.stream.timer.cancel()
        self.stream = None

    def pause_writing(self) -> None:
        self.paused = True

    def resume_writing(self) -> None:
        self.paused = False
        if self.stream and self.stream.timer is None:
            self.stream.tick()

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, found, rest = self.buffer.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
        size = int(length[1]) if length else 0
        if not found or len(rest) < size:
            return
        self.buffer = rest[size:]
        if not head.startswith(b"POST"):
            self.transport.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}")
            return
        asked = json.loads(rest[:size])
        self.stream = _Stream(self, asked["model"], bool((asked.get("stream_options") or {}).get("include_usage")))


async def main(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(_Connection, "127.0.0.1", port, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    import uvloop

    uvloop.run(main(int(sys.argv[1])))
