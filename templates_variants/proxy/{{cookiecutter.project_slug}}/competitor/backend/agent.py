"""Your agent. Start here.

The core calls `answer` for every request and does all the rest: HTTP, streaming, keep-alive, time
limits, errors, usage. You yield events (competitor/api.py), and that is all:

    yield Text("Hello ")                 a piece of the answer
    yield Reasoning("Let me see. ")      a piece of reasoning
    yield chat.complete()                one call of the model, passed on piece by piece

`chat` holds the request, the conversation and the settings (competitor/api.py). Whatever goes
wrong here, the answer still ends in good form, and the log says why.
"""

from collections.abc import AsyncIterator

from ..api import Chat, Event

NAME = "proxy"

# What the model is told before the conversation. Each word is paid for with every request.
SYSTEM_PROMPT = ""


async def answer(chat: Chat) -> AsyncIterator[Event]:
    """Passes the conversation to the model, and the model's answer back."""
    messages = chat.messages
    if SYSTEM_PROMPT:
        messages.insert(0, {"role": "system", "content": SYSTEM_PROMPT})
    yield chat.complete(messages)
