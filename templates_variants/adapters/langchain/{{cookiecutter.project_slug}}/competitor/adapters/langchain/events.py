"""Runs a LangGraph agent and turns its work, which runs in several tasks, into the events of one answer.
Contract file: replaced by updates.
"""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any

from ...api import Chat, Event, Reasoning
from . import messages as wire
from .run import LangChainRun


async def stream(
    agent: Any, chat: Chat, *, models: Sequence[str] = (), messages: Sequence[dict[str, Any]] | None = None
) -> AsyncGenerator[Event]:
    """Runs `agent` (any LangGraph graph whose state has `messages`) on the conversation. Yields the answer's events.

    What a node writes with LangGraph's `get_stream_writer` is one of them: a text is reasoning, and an event is itself.
    `models` are for this request, as in `Chat.complete`: each `ChatJanus` asks them that has no model and no chat of
    its own. `messages`, in OpenAI's wire format, replaces the caller's conversation. Raises the agent's errors, such as
    `UpstreamError`, and cancels the agent when nobody reads its events any more.
    """
    run = LangChainRun(chat, models)
    given = wire.to_langchain(chat.messages if messages is None else messages)

    async def work() -> None:
        async for _, written in agent.astream({"messages": given}, stream_mode="custom", subgraphs=True):
            run.report(Reasoning(written) if isinstance(written, str) else written)

    async with aclosing(run.events(work)) as events:
        async for event in events:
            yield event
