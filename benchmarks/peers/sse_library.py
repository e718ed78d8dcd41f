"""A server like plain_fastapi.py, but with sse-starlette and a ping every second, which the contract requires."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
from fastapi import FastAPI
from sse_starlette import EventSourceResponse

from .chunk import ChatRequest, Chunk
from .upstream import CHAT_URL, TIMEOUT_SECONDS

app = FastAPI()
limits = httpx.Limits(max_connections=None, max_keepalive_connections=600)
client = httpx.AsyncClient(timeout=TIMEOUT_SECONDS, limits=limits)


@app.get("/health")
async def health() -> dict[str, str]:
    return {"status": "ok"}


async def relayed(body: dict[str, Any]) -> AsyncIterator[dict[str, str]]:
    async with client.stream("POST", CHAT_URL, json=body) as response:
        async for line in response.aiter_lines():
            if line.startswith("data: {"):
                chunk = Chunk.model_validate_json(line[6:])
                yield {"data": chunk.model_dump_json(exclude_none=True)}
    yield {"data": "[DONE]"}


@app.post("/v1/chat/completions")
async def chat(request: ChatRequest) -> EventSourceResponse:
    return EventSourceResponse(relayed(request.model_dump()), ping=1, sep="\n")
