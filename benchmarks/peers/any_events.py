"""A backend that handles every event itself, as frameworks do, so that the core cannot relay chunks."""

from collections.abc import AsyncIterator

from competitor.api import Chat, Event

NAME = "events"


async def answer(chat: Chat) -> AsyncIterator[Event]:
    async for event in chat.complete():
        yield event
