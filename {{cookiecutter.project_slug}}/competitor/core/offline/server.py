"""Serves the offline model over HTTP on a loopback port of this process. The server starts when first needed.
Contract file: replaced by updates.

The normal client talks to it as to any other upstream, so the same code runs offline and online.
"""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import uvicorn

from ..request.parsing import has_more_values
from .replies import Body, Reply, reply, too_large

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


# A request with more JSON values is not parsed: a second tree of them would double the memory of the request.
MAX_VALUES = 50_000
_TOO_LARGE: Body = {"stream": True, "stream_options": {"include_usage": True}}  # the client asks like this


class _Server(uvicorn.Server):
    """A uvicorn server that leaves the process's signals to the main server."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class OfflineServer:
    """The offline model's server. The first call of `start` starts the server; every call returns its base URL."""

    def __init__(self, words_per_second: float):
        self._seconds_a_word = 1 / words_per_second
        self._starting: asyncio.Task[str] | None = None
        self._server: _Server | None = None
        self._serving: asyncio.Task[None] | None = None

    async def start(self) -> str:
        if self._starting is None:
            self._starting = asyncio.create_task(self._start())
        return await asyncio.shield(self._starting)

    async def stop(self) -> None:
        if self._server is not None and self._serving is not None:
            self._server.should_exit = self._server.force_exit = True
            await self._serving

    async def _start(self) -> str:
        listener = socket.create_server(("127.0.0.1", 0), backlog=2048)
        config = uvicorn.Config(
            self._app, log_config=None, access_log=False, lifespan="off", interface="asgi3", proxy_headers=False
        )
        self._server = _Server(config)
        self._serving = asyncio.create_task(self._server.serve([listener]))
        while not self._server.started:  # noqa: ASYNC110 - uvicorn sets a flag; there is no event to wait for
            await asyncio.sleep(0.001)
        return f"http://127.0.0.1:{listener.getsockname()[1]}/v1"

    async def _app(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = bytearray()
        while True:
            message = await receive()
            if message["type"] != "http.request":
                return
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        if has_more_values(body, MAX_VALUES):
            asked, answer = _TOO_LARGE, too_large()
        else:
            asked = json.loads(body)
            del body
            answer = reply(asked)
        if asked.get("stream"):
            with_usage = bool((asked.get("stream_options") or {}).get("include_usage"))
            await _start_response(send, "text/event-stream")
            gone = asyncio.ensure_future(_disconnected(receive))
            try:
                async for chunk in self._chunks(answer, with_usage):
                    if gone.done():
                        return
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
            finally:
                gone.cancel()
            await send({"type": "http.response.body", "body": b"data: [DONE]\n\n"})
        else:
            await asyncio.sleep(self._seconds_a_word * answer.completion_tokens)
            await _start_response(send, "application/json")
            await send({"type": "http.response.body", "body": json.dumps(_whole(answer)).encode()})

    async def _chunks(self, answer: Reply, with_usage: bool) -> AsyncIterator[bytes]:
        yield _event({"role": "assistant"})
        loop = asyncio.get_running_loop()
        due = loop.time()
        for delta in _deltas(answer):
            due += self._seconds_a_word
            await asyncio.sleep(max(0.0, due - loop.time()))
            yield _event(delta)
        yield _event({}, answer.finish_reason)
        if with_usage:
            yield b"data: " + json.dumps({**_FIXED, "choices": [], "usage": _usage(answer)}).encode() + b"\n\n"


_FIXED = {"id": "chatcmpl-offline", "object": "chat.completion.chunk", "created": 0, "model": "offline-model"}


def _event(delta: Body, finish_reason: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    return b"data: " + json.dumps({**_FIXED, "choices": [choice]}).encode() + b"\n\n"


def _deltas(answer: Reply) -> Iterator[Body]:
    """The deltas of an answer. There may be a hundred thousand, so they are made one after the other."""
    yield from ({"reasoning_content": piece} for piece in answer.reasoning)
    yield from ({"content": piece} for piece in answer.content)
    for number, call in enumerate(answer.calls):
        yield from ({"tool_calls": [piece]} for piece in _fragments(number, call))


def _fragments(number: int, call: Body) -> Iterator[Body]:
    """Yields a tool call as real servers stream it: first the id and the name, then the arguments in parts."""
    function = call["function"]
    head = {"name": function["name"], "arguments": ""}
    yield {"index": number, "id": call["id"], "type": "function", "function": head}
    for start in range(0, len(function["arguments"]), 16):
        yield {"index": number, "function": {"arguments": function["arguments"][start : start + 16]}}


def _whole(answer: Reply) -> Body:
    text, reasoning = "".join(answer.content), "".join(answer.reasoning)
    message: Body = {"role": "assistant", "content": text, "reasoning_content": reasoning}
    if answer.calls:
        message["tool_calls"] = answer.calls
    choice = {"index": 0, "message": message, "finish_reason": answer.finish_reason}
    return {**_FIXED, "object": "chat.completion", "choices": [choice], "usage": _usage(answer)}


def _usage(answer: Reply) -> dict[str, int]:
    prompt, completion = answer.prompt_tokens, answer.completion_tokens
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


async def _disconnected(receive: Receive) -> None:
    """Waits until nobody reads the answer any more."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def _start_response(send: Send, kind: str) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", kind.encode())]})
