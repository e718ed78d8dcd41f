"""A server without a framework or parsing: it passes bytes from aiohttp's client to the ASGI server as they arrive."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import aiohttp

from .upstream import CHAT_URL, TIMEOUT_SECONDS

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
sessions: list[aiohttp.ClientSession] = []


async def app(scope: Message, receive: Receive, send: Send) -> None:
    if scope["type"] != "http":
        return
    if scope["path"] == "/health":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b'{"status":"ok"}'})
        return
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    if not sessions:  # a session can only be made while the event loop runs
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
        sessions.append(aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), timeout=timeout))
    async with sessions[0].post(CHAT_URL, data=body, headers={"content-type": "application/json"}) as answer:
        headers = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-cache")]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        async for part in answer.content.iter_any():
            await send({"type": "http.response.body", "body": part, "more_body": True})
    await send({"type": "http.response.body", "body": b""})
