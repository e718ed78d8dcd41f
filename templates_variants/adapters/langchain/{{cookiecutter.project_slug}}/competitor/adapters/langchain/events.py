"""Runs a LangGraph agent and turns its work, which runs in several tasks, into the events of one answer.
Contract file: replaced by updates.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import Any

from ...api import Chat, Event
from . import messages as wire
from .run import Run


async def stream(
    agent: Any, chat: Chat, *, models: Sequence[str] = (), messages: Sequence[dict[str, Any]] | None = None
) -> AsyncGenerator[Event]:
    """Runs `agent` (any LangGraph graph whose state has `messages`) on the conversation. Yields the answer's events.

    `models` are for this request, as in `Chat.complete`: each `ChatJanus` asks them that has no model and no chat of
    its own. `messages`, in OpenAI's wire format, replaces the caller's conversation. Raises the agent's errors, such as
    `UpstreamError`, and cancels the agent when nobody reads its events any more.
    """
    run = Run(chat, asyncio.get_running_loop(), models)
    given = wire.to_langchain(chat.messages if messages is None else messages)

    async def work() -> None:
        run.enter()
        await agent.ainvoke({"messages": given})

    task = asyncio.ensure_future(work())
    task.add_done_callback(lambda _: run.waiting.put_nowait(None))
    try:
        while (event := await run.waiting.get()) is not None:
            yield event
        task.result()
    finally:
        if task.cancel():
            await asyncio.wait({task})
