"""Runs a LangGraph agent and turns its work, which runs in several tasks, into the events of one answer.
Contract file: replaced by updates.
"""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any

from ...api import Chat, Event
from . import messages as wire
from .run import LangChainRun


async def stream(
    agent: Any, chat: Chat, *, models: Sequence[str] = (), messages: Sequence[dict[str, Any]] | None = None
) -> AsyncGenerator[Event]:
    """Runs `agent` (any LangGraph graph whose state has `messages`) on the conversation. Yields the answer's events.

    `models` are for this request, as in `Chat.complete`: each `ChatJanus` asks them that has no model and no chat of
    its own. `messages`, in OpenAI's wire format, replaces the caller's conversation. Raises the agent's errors, such as
    `UpstreamError`, and cancels the agent when nobody reads its events any more.
    """
    run = LangChainRun(chat, models)
    given = wire.to_langchain(chat.messages if messages is None else messages)

    async def work() -> None:
        await agent.ainvoke({"messages": given})

    async with aclosing(run.events(work)) as events:
        async for event in events:
            yield event
