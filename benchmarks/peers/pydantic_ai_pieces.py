"""A backend in which PydanticAI hands every piece of the model's text to the owner's code."""

from collections.abc import AsyncIterator

from pydantic_ai import Agent

from competitor.adapters.pydantic_ai import JanusModel
from competitor.api import Chat, Event, Text

NAME = "pydantic-ai-pieces"
agent = Agent()


async def answer(chat: Chat) -> AsyncIterator[Event]:
    async with agent.run_stream(chat.text, model=JanusModel(chat)) as run:
        async for piece in run.stream_text(delta=True, debounce_by=None):
            yield Text(piece)
