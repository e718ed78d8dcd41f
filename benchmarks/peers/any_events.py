"""A backend that takes every event into its own hands, as any framework's does: the core cannot relay for it."""

from collections.abc import AsyncIterator

from competitor.api import Chat, Event

NAME = "events"


async def answer(chat: Chat) -> AsyncIterator[Event]:
    async for event in chat.complete():
        yield event
