"""Your competitor's brain. Start here.

The core calls `answer` for every request and does all the rest: HTTP, streaming, keep-alive, time
limits, errors, usage. LangChain's agent (brain.py) asks the model, runs the tools (tools.py) that the
model calls, several at once, and goes on until the model has an answer or the budget is spent.

`chat` holds the request, the conversation and the settings (competitor/core/chat.py). Whatever goes
wrong here, the answer still ends in good form, and the log says why.
"""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType

from ..core.chat import Chat
from ..core.events import Event

NAME = "langchain"

# What the model is told before the conversation. Each word is paid for with every call.
SYSTEM_PROMPT = ""
# A turn is one call of the model and the calls of tools that it asked for. After the last it must answer without.
MAX_TURNS = 8


async def answer(chat: Chat) -> AsyncIterator[Event]:
    """Lets the agent work on the conversation, and passes on what it does."""
    brain = await asyncio.wrap_future(_brain)
    async for event in brain.events(chat, SYSTEM_PROMPT, MAX_TURNS):
        yield event


def _load() -> ModuleType:
    """LangChain takes a second to import: in a thread, so that the server is healthy before (E2)."""
    from . import telemetry

    telemetry.off()
    from . import brain

    return brain


_brain = ThreadPoolExecutor(1, thread_name_prefix="import").submit(_load)
