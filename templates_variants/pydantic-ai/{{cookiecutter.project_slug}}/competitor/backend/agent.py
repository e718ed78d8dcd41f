"""Your agent. Start here.

`agent` is a PydanticAI agent, written as in PydanticAI's documentation. The core calls `answer` for every request and
does everything else: HTTP, streaming, keep-alive, time limits, errors, usage. You may import everything that is in
competitor/api.py and competitor/adapters/pydantic_ai. If this code fails, the core still ends the answer properly, and
the log says why.
"""

from collections.abc import AsyncIterator

from pydantic_ai import Agent, DeferredToolRequests

from ..adapters.pydantic_ai import CompetitorTools, JanusModel, stream
from ..api import Chat, Event, Offers
from .tools import tools

NAME = "pydantic-ai"

# The system prompt for the model. You pay for each of its words with every call.
INSTRUCTIONS = ""
# A turn is one model call and the tool calls that it asks for. The last turn must answer without tools.
MAX_TURNS = 8
# Which of your tools the model is offered, since each costs tokens: "needed" (those whose kind the conversation can
# need, and those without a kind), "menu" (a small tool that brings the others, for the price of a turn) or "all".
OFFERS: Offers = "needed"
# The first words of a turn with tools wait for so many characters: before a tool call, they are reasoning.
HOLD_CHARACTERS = 80

# One agent serves all requests. Its functions get the chat of the request as `ctx.deps`. The client runs its own tools,
# so the model's calls of them end a run: these are the DeferredToolRequests.
agent = Agent(
    JanusModel(shown=True, hold_characters=HOLD_CHARACTERS),
    deps_type=Chat,
    output_type=[str, DeferredToolRequests],
    instructions=INSTRUCTIONS or None,
    capabilities=[CompetitorTools(tools, max_turns=MAX_TURNS, offers=OFFERS)],
)


async def answer(chat: Chat) -> AsyncIterator[Event]:
    """Runs the agent on the conversation, and yields its events."""
    async for event in stream(agent, chat):
        yield event
