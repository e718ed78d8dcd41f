"""A server with a LangGraph graph on LangChain's own `ChatOpenAI` behind plain FastAPI."""

import time
from collections.abc import AsyncIterator
from functools import cache
from typing import Any

from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from langchain_openai import ChatOpenAI
from langgraph.graph import END, START, MessagesState, StateGraph
from pydantic import SecretStr

from .chunk import ChatRequest, Choice, Chunk, Delta
from .upstream import BASE_URL

app = FastAPI()


@cache
def graph(name: str) -> Any:
    model = ChatOpenAI(model=name, base_url=BASE_URL, api_key=SecretStr("any"), stream_usage=True, max_retries=0)

    async def act(state: MessagesState) -> dict[str, Any]:
        return {"messages": [await model.ainvoke(state["messages"])]}

    return StateGraph(MessagesState).add_node("act", act).add_edge(START, "act").add_edge("act", END).compile()


@app.get("/health")
async def health() -> dict[str, str]:
    return {"status": "ok"}


async def streamed(asked: ChatRequest) -> AsyncIterator[str]:
    kind, created = "chat.completion.chunk", int(time.time())
    given = {"messages": [(message["role"], message["content"]) for message in asked.messages]}
    async for piece, _ in graph(asked.model).astream(given, stream_mode="messages"):
        choice = Choice(index=0, delta=Delta(content=str(piece.content)))
        chunk = Chunk(id=piece.id or "", object=kind, created=created, model=asked.model, choices=[choice])
        yield f"data: {chunk.model_dump_json(exclude_none=True)}\n\n"
    yield "data: [DONE]\n\n"


@app.post("/v1/chat/completions")
async def chat(request: ChatRequest) -> StreamingResponse:
    return StreamingResponse(streamed(request), media_type="text/event-stream")
