"""Your agent. Start here.

The core calls `answer` for every request and does everything else: HTTP, streaming, keep-alive, time
limits, errors, usage. You only yield events (competitor/api.py):

    yield Text("Hello ")                 a piece of the answer
    yield Reasoning("Let me see. ")      a piece of reasoning
    yield chat.complete()                one model call, whose pieces are passed on as they arrive

`chat` holds the request, the conversation and the settings (competitor/api.py). If this code fails,
the core still ends the answer properly, and the log says why.
"""

from collections.abc import AsyncIterator

from ..api import Chat, Event, by_flags

NAME = "proxy"

# The system prompt for the model. You pay for each of its words with every request.
SYSTEM_PROMPT = ""


async def answer(chat: Chat) -> AsyncIterator[Event]:
    """Passes the conversation to the model, and the model's answer back."""
    messages = chat.messages
    if SYSTEM_PROMPT:
        messages.insert(0, {"role": "system", "content": SYSTEM_PROMPT})
    reply = chat.complete(messages)
    yield reply
    if chat.request.generation_flags:  # they may ask for an image, or for speech
        async for event in by_flags(chat, reply.text):
            yield event
