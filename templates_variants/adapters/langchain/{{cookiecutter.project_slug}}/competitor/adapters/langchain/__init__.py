"""One answer of LangChain's agent, as events. What it decides and how it ends is in conduct.py."""

from collections.abc import AsyncIterator
from functools import lru_cache
from typing import Any

from langchain.agents import create_agent

from ..core.chat import Chat
from ..core.events import Event
from ..core.tools.toolbox import Toolbox
from . import wire
from .conduct import Conduct, Run
from .model import ChatJanus
from .outbox import Outbox
from .tools import tools


async def events(chat: Chat, system_prompt: str, max_turns: int) -> AsyncIterator[Event]:
    """What the agent does, as it does it. Raises what stops it, such as `UpstreamError`."""
    outbox = Outbox()
    toolbox = Toolbox(tools(chat), seconds=chat.settings.tool_seconds)
    run = Run(chat, toolbox, outbox, ChatJanus(chat=chat, relay=outbox.relay), max_turns)
    work = _agent(system_prompt).ainvoke({"messages": wire.to_langchain(chat.messages)}, context=run)
    async for event in outbox.events(work):
        yield event


@lru_cache
def _agent(system_prompt: str) -> Any:
    """One graph for all answers: making it costs more than an answer does. Model and tools come with each `Run`.

    LangChain's own middleware (summaries, limits, fallbacks, ...) goes into the list before `Conduct`.
    """
    return create_agent(
        model=ChatJanus.model_construct(),
        system_prompt=system_prompt or None,
        middleware=[Conduct()],
        context_schema=Run,
    )
