"""Your agent. Start here.

`agent` is an agent of the OpenAI Agents SDK, written as in the SDK's documentation. The core calls `answer` for every
request and does everything else: HTTP, streaming, keep-alive, time limits, errors, usage. You may import everything
that is in competitor/api.py and competitor/adapters/openai_agents. If this code fails, the core still ends the answer
properly, and the log says why.
"""

from collections.abc import AsyncIterator

from agents import Agent, InputGuardrailTripwireTriggered

from ..adapters.openai_agents import stream
from ..api import Chat, Event, Offers, Text
from .tools import tools

NAME = "openai-agents"

# The system prompt for the model. You pay for each of its words with every call.
INSTRUCTIONS = ""
# A turn is one model call and the tool calls that it asks for. The last turn must answer without tools.
MAX_TURNS = 8
# Which of your tools the model is offered, since each costs tokens: "needed" (those whose kind the conversation can
# need, and those without a kind), "menu" (a small tool that brings the others, for the price of a turn) or "all".
OFFERS: Offers = "needed"
# The first words of a turn with tools wait for so many characters: before a tool call, they are reasoning.
HOLD_CHARACTERS = 80

# One agent serves all requests. Its functions get the chat of the request as `context.context`. Add handoffs,
# guardrails, function tools and MCP servers here.
agent = Agent[Chat](name="Assistant", instructions=INSTRUCTIONS or None)


async def answer(chat: Chat) -> AsyncIterator[Event]:
    """Runs the agent on the conversation, and yields its events."""
    hold, own = HOLD_CHARACTERS, tools(chat)
    try:
        async for event in stream(agent, chat, tools=own, offers=OFFERS, max_turns=MAX_TURNS, hold_characters=hold):
            yield event
    except InputGuardrailTripwireTriggered:
        yield Text("I cannot help with that.")
