"""A backend in which LangChain hands every piece of the model's text to the owner's code."""

from collections.abc import AsyncIterator

from competitor.adapters.langchain import ChatJanus
from competitor.api import Chat, Event, Text

NAME = "langchain-pieces"


async def answer(chat: Chat) -> AsyncIterator[Event]:
    async for piece in ChatJanus(chat=chat).astream(chat.text):
        if piece.text:
            yield Text(piece.text)
