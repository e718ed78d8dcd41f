"""Runs the competitor of the current folder and lets it report its tasks: `python watched.py`.

The prompt "tasks?" is answered with the number of asyncio tasks. Every other prompt goes to the backend.
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator

sys.path.insert(0, os.getcwd())

from competitor.core.answer.backend import Backend, load
from competitor.core.chat import Chat
from competitor.core.events import Event, Text
from competitor.core.server.serving import serve
from competitor.core.settings import Settings

backend = load()


async def answer(chat: Chat) -> AsyncIterator[Event]:
    if chat.text == "tasks?":
        yield Text(str(len(asyncio.all_tasks())))
        return
    owners = await backend.loaded()
    async for event in owners(chat):
        yield event


if __name__ == "__main__":
    sys.exit(serve(Settings.from_environment(os.environ), Backend(backend.name, answer)))
