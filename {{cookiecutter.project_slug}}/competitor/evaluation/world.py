"""The world of an evaluation: a program that serves the library, pictures, and a scripted mind as a model.
Contract file: replaced by updates.

    python -m competitor.evaluation.world SEED COUNT PORT [MIND [MIND_SEED]]

It prints its port. `POST /search`, `GET /fetch?url=` and `POST /generate` are the platform's services; `/v1` is the
mind, if one is named. `GET /stats` counts the requests.
"""

import asyncio
import contextlib
import json
import re
import sys
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

from . import minds
from .kinds import tasks
from .library import HOST, Library, Page, search
from .png import COLOURS, SHAPES, Picture, Shape
from .task import Call, Json, Task

MAX_RESULTS = 10
MAX_BODY_BYTES = 64 * 2**20
_NO_BODY = {"GET", "HEAD", "DELETE"}


class World:
    """The services for the tasks of a run, and the mind, if there is one."""

    def __init__(self, made: list[Task], thinker: minds.Thinker | None = None):
        seeds = {int(page.removeprefix(f"{HOST}/").split("/")[0]) for task in made for page in task.right.pages}
        self.pages: dict[str, Page] = {page.address: page for seed in seeds for page in Library.of_seed(seed).pages()}
        self.thinker = thinker
        self.stats = {"model": 0, "search": 0, "fetch": 0, "generate": 0}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answers the requests of one connection until it ends."""
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, ValueError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                method, target, _ = head[0].split(" ")
                headers = {
                    name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)
                }
                size = int(headers.get("content-length", 0))
                if size > MAX_BODY_BYTES:
                    break
                body = await reader.readexactly(size)
                asked = json.loads(body) if body and method not in _NO_BODY else {}
                await self._answer(target, asked, writer)
        writer.close()

    async def _answer(self, target: str, asked: Json, writer: asyncio.StreamWriter) -> None:
        parts = urlsplit(target)
        if parts.path.endswith("/chat/completions") and self.thinker:
            self.stats["model"] += 1
            await self._chat(asked, writer)
        elif parts.path.endswith("/search"):
            self.stats["search"] += 1
            most = min(MAX_RESULTS, int(asked.get("num_results") or 5))
            found = search(str(asked.get("query") or ""), list(self.pages.values()), most)
            results = [{"title": page.title, "url": page.address, "snippet": page.excerpt} for page in found]
            await _whole(writer, 200, {"results": results})
        elif parts.path.endswith("/fetch"):
            self.stats["fetch"] += 1
            address = parse_qs(parts.query).get("url", [""])[0].rstrip("/")
            page = self.pages.get(address)
            await _whole(
                writer, 200 if page else 404, {"url": address, "content": page.text} if page else {"error": "no page"}
            )
        elif parts.path.endswith("/generate"):
            self.stats["generate"] += 1
            data = drawn(str(asked.get("prompt") or "")).png()
            await _whole(writer, 200, data, "image/png")
        elif parts.path == "/stats":
            await _whole(writer, 200, self.stats)
        else:
            await _whole(writer, 404, {"error": {"message": "there is nothing here"}})

    async def _chat(self, asked: Json, writer: asyncio.StreamWriter) -> None:
        assert self.thinker is not None  # noqa: S101 - the caller has looked
        reply = self.thinker.reply(asked)
        finish = "tool_calls" if reply.calls else "stop"
        counted = minds.usage(asked, reply)
        await asyncio.sleep(reply.first)
        if not asked.get("stream"):
            message: Json = {"role": "assistant", "content": reply.text}
            if reply.calls:
                message["tool_calls"] = [_call(number, call) for number, call in enumerate(reply.calls)]
            choice = {"index": 0, "message": message, "finish_reason": finish}
            await _whole(writer, 200, {**_FIXED, "object": "chat.completion", "choices": [choice], "usage": counted})
            return
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
        loop = asyncio.get_running_loop()
        due, waiting = loop.time(), 0
        for delta in _deltas(reply):
            _send(writer, _chunk(delta))
            waiting += 1
            if waiting == reply.at_once:
                due, waiting = due + reply.step, 0
                await writer.drain()
                await asyncio.sleep(max(0.0, due - loop.time()))
        _send(writer, _chunk({}, finish))
        if (asked.get("stream_options") or {}).get("include_usage"):
            _send(writer, json.dumps({**_FIXED, "choices": [], "usage": counted}))
        _send(writer, "[DONE]")
        writer.write(b"0\r\n\r\n")
        await writer.drain()


_FIXED: Json = {"id": "chatcmpl-mind", "object": "chat.completion.chunk", "created": 1, "model": "scripted-mind"}


def _chunk(delta: Json, finish: str | None = None) -> str:
    return json.dumps({**_FIXED, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})


def _send(writer: asyncio.StreamWriter, data: str) -> None:
    event = f"data: {data}\n\n".encode()
    writer.write(b"%x\r\n%b\r\n" % (len(event), event))


def _call(number: int, call: Call) -> Json:
    function = {"name": call.name, "arguments": json.dumps(call.arguments)}
    return {"index": number, "id": f"call_{number}", "type": "function", "function": function}


def _deltas(reply: minds.Reply) -> Iterator[Json]:
    """A word in each delta; a picture in few large ones."""
    yield {"role": "assistant", "content": ""}
    for word in re.findall(r"\s*\S{1,4000}", reply.text):
        yield {"content": word}
    for number, call in enumerate(reply.calls):
        yield {"tool_calls": [_call(number, call)]}


async def _whole(writer: asyncio.StreamWriter, status: int, body: Any, kind: str = "application/json") -> None:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    head = f"HTTP/1.1 {status} World\r\ncontent-type: {kind}\r\ncontent-length: {len(data)}\r\n\r\n"
    writer.write(head.encode() + data)
    await writer.drain()


def drawn(prompt: str) -> Picture:
    """The picture that a prompt describes: its last "COLOUR SHAPE" on its last "COLOUR background"."""
    colours, shapes = "|".join(COLOURS), "|".join(SHAPES)
    shape = re.findall(rf"(?i)\b({colours}) ({shapes})\b", prompt)
    background = re.findall(rf"(?i)\b({colours}) background", prompt)
    kind = [Shape(shape[-1][1].lower(), shape[-1][0].lower(), 128, 128, 160)] if shape else []
    return Picture(background[-1].lower() if background else "white", tuple(kind), size=256)


async def main(arguments: Mapping[int, str]) -> None:
    seed, count, port = (int(arguments[place]) for place in (0, 1, 2))
    made = tasks(seed, count)
    thinker = minds.Thinker(arguments[3], made, int(arguments.get(4, "0"))) if 3 in arguments else None
    server = await asyncio.start_server(World(made, thinker).serve, "127.0.0.1", port, limit=2**20)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main(dict(enumerate(sys.argv[1:]))))
