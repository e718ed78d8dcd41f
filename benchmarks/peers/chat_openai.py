"""A server with LangChain's own `ChatOpenAI` behind plain FastAPI, as LangChain's users write it."""

import time
from collections.abc import AsyncIterator
from functools import cache

from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from langchain_openai import ChatOpenAI
from pydantic import SecretStr

from .chunk import ChatRequest, Choice, Chunk, Delta
from .upstream import BASE_URL

app = FastAPI()


@cache
def model(name: str) -> ChatOpenAI:
    return ChatOpenAI(model=name, base_url=BASE_URL, api_key=SecretStr("any"), stream_usage=True, max_retries=0)


@app.get("/health")
async def health() -> dict[str, str]:
    return {"status": "ok"}


async def streamed(asked: ChatRequest) -> AsyncIterator[str]:
    kind, created = "chat.completion.chunk", int(time.time())
    async for piece in model(asked.model).astream([(m["role"], m["content"]) for m in asked.messages]):
        choice = Choice(index=0, delta=Delta(content=str(piece.content)))
        chunk = Chunk(id=piece.id or "", object=kind, created=created, model=asked.model, choices=[choice])
        yield f"data: {chunk.model_dump_json(exclude_none=True)}\n\n"
    yield "data: [DONE]\n\n"


@app.post("/v1/chat/completions")
async def chat(request: ChatRequest) -> StreamingResponse:
    return StreamingResponse(streamed(request), media_type="text/event-stream")
