"""Your agent. Start here.

It offers the tools of tools.py to the model, runs all calls of a turn at the same time, sends the results to the model,
and repeats this until the model answers or the budget is spent; then the model answers with what it has.

The core calls `answer` for every request and does everything else: HTTP, streaming, keep-alive, time
limits, errors, usage. You only yield events (competitor/api.py). If this code fails, the core still
ends the answer properly, and the log says why.
"""

from collections.abc import AsyncIterator, Iterable

from ..api import Chat, Event, Offers, Reasoning, Result, Text, Toolbox, ToolCall
from .tools import tools

NAME = "tools"

# The system prompt for the model. You pay for each of its words with every turn.
SYSTEM_PROMPT = ""

# Which of your tools the model is offered, since each costs tokens: "needed" (those whose kind the conversation can
# need, and those without a kind), "menu" (a small tool that brings the others, for the price of a turn) or "all".
OFFERS: Offers = "needed"
# The first words of a turn with tools wait for so many characters: before a tool call, they are reasoning.
HOLD_CHARACTERS = 80

# The budget. A turn is one model call and the tool calls that it asks for.
MAX_TURNS = 8
MAX_OUTPUT_BYTES = 100_000
# The share of the answer's time that is reserved for the last model call.
LAST_WORDS = 0.2


async def answer(chat: Chat) -> AsyncIterator[Event]:
    """Asks the model and runs the tools it calls, until it answers or the budget is spent."""
    messages = chat.messages
    if SYSTEM_PROMPT:
        messages.insert(0, {"role": "system", "content": SYSTEM_PROMPT})
    toolbox = Toolbox(tools(chat), seconds=chat.settings.tool_seconds, offers=OFFERS)
    last_words_at = chat.seconds_left * LAST_WORDS
    output = 0
    for _ in range(MAX_TURNS):
        offer = toolbox.offer(chat)
        turn = chat.complete(messages, hold_characters=HOLD_CHARACTERS, **offer)
        yield turn  # its text and calls of the client's tools are sent as they arrive
        if not turn.tool_calls:
            return
        limit = max(0.1, chat.seconds_left - last_words_at)
        async with toolbox.start(turn.tool_calls, seconds=limit) as running:
            async for event in running:
                yield event
        if turn.shown_text:
            yield Text("\n\n")
        if turn.client_calls:  # the client continues, with the results so far
            yield Text(told(turn.tool_calls, running.results))
            return
        messages += [turn.message, *running.messages]
        output += sum(len(result.text.encode()) for result in running.results)
        if output > MAX_OUTPUT_BYTES or chat.seconds_left <= last_words_at:
            break
    yield Reasoning("The budget for tools is spent; I answer with what I have.\n")
    last = chat.complete(messages, **{**offer, "tool_choice": "none" if offer else None})
    yield last
    if not last.text and not last.client_calls:
        yield Text(f"I could not finish within my budget. The last results:\n{told(turn.tool_calls, running.results)}")


def told(calls: Iterable[ToolCall], results: Iterable[Result]) -> str:
    """Returns the tool results as text for the client, because the client's history has no other record of them."""
    return "".join(f"{call.name}: {result.text[:2_000]}\n" for call, result in zip(calls, results, strict=True))
