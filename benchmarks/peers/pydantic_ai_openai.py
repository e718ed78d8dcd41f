"""A server with a PydanticAI agent on PydanticAI's own `OpenAIChatModel` behind plain FastAPI."""

import time
from collections.abc import AsyncIterator
from functools import cache

from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from pydantic_ai import Agent
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

from .chunk import ChatRequest, Choice, Chunk, Delta
from .upstream import BASE_URL

app = FastAPI()
provider = OpenAIProvider(base_url=BASE_URL, api_key="any")


@cache
def agent(name: str) -> Agent[None, str]:
    return Agent(OpenAIChatModel(name, provider=provider))


@app.get("/health")
async def health() -> dict[str, str]:
    return {"status": "ok"}


async def streamed(asked: ChatRequest) -> AsyncIterator[str]:
    kind, created = "chat.completion.chunk", int(time.time())
    async with agent(asked.model).run_stream(str(asked.messages[-1]["content"])) as run:
        async for piece in run.stream_text(delta=True, debounce_by=None):
            choice = Choice(index=0, delta=Delta(content=piece))
            chunk = Chunk(id=run.run_id, object=kind, created=created, model=asked.model, choices=[choice])
            yield f"data: {chunk.model_dump_json(exclude_none=True)}\n\n"
    yield "data: [DONE]\n\n"


@app.post("/v1/chat/completions")
async def chat(request: ChatRequest) -> StreamingResponse:
    return StreamingResponse(streamed(request), media_type="text/event-stream")
