"""Your agent. Start here.

`agent` is LangChain's own, as its documentation writes it. The core calls `answer` for every request and does all the
rest: HTTP, streaming, keep-alive, time limits, errors, usage. All that you may import from here is in
competitor/api.py and competitor/adapters/langchain. Whatever goes wrong here, the answer still ends in good form, and
the log says why.
"""

from collections.abc import AsyncIterator

from langchain.agents import create_agent

from ..adapters.langchain import ChatJanus, CompetitorMiddleware, stream
from ..api import Chat, Event
from .tools import tools

NAME = "langchain"

# What the model is told before the conversation. Each word is paid for with every call.
SYSTEM_PROMPT = ""
# A turn is one call of the model and the tool calls that it asked for. After the last one it must answer without.
MAX_TURNS = 8

# One agent for all requests: making it costs more than an answer does. Add LangChain's tools and middleware here.
agent = create_agent(
    model=ChatJanus(shown=True),
    tools=[],
    system_prompt=SYSTEM_PROMPT or None,
    middleware=[CompetitorMiddleware(tools, max_turns=MAX_TURNS)],
)


async def answer(chat: Chat) -> AsyncIterator[Event]:
    """Lets the agent work on the conversation, and passes on what it does."""
    async for event in stream(agent, chat):
        yield event
