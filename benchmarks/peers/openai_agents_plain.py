"""A server with an agent of the OpenAI Agents SDK, on the model of the SDK, behind plain FastAPI."""

import time
from collections.abc import AsyncIterator
from functools import cache

from agents import Agent, OpenAIChatCompletionsModel, Runner, set_tracing_disabled
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from openai import AsyncOpenAI
from openai.types.responses import ResponseTextDeltaEvent

from .chunk import ChatRequest, Choice, Chunk, Delta
from .upstream import BASE_URL

set_tracing_disabled(True)
app = FastAPI()
client = AsyncOpenAI(base_url=BASE_URL, api_key="any")


@cache
def agent(name: str) -> Agent[None]:
    return Agent(name="Assistant", model=OpenAIChatCompletionsModel(model=name, openai_client=client))


@app.get("/health")
async def health() -> dict[str, str]:
    return {"status": "ok"}


async def streamed(asked: ChatRequest) -> AsyncIterator[str]:
    kind, created = "chat.completion.chunk", int(time.time())
    run = Runner.run_streamed(agent(asked.model), str(asked.messages[-1]["content"]))
    async for event in run.stream_events():
        if event.type != "raw_response_event" or not isinstance(event.data, ResponseTextDeltaEvent):
            continue
        choice = Choice(index=0, delta=Delta(content=event.data.delta))
        chunk = Chunk(id=event.data.item_id, object=kind, created=created, model=asked.model, choices=[choice])
        yield f"data: {chunk.model_dump_json(exclude_none=True)}\n\n"
    yield "data: [DONE]\n\n"


@app.post("/v1/chat/completions")
async def chat(request: ChatRequest) -> StreamingResponse:
    return StreamingResponse(streamed(request), media_type="text/event-stream")
