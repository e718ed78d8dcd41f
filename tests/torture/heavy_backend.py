"""Runs the core with a backend that overloads it: `python heavy_backend.py`. The prompt says how."""

import os
import sys
import time
from collections.abc import AsyncIterator

from competitor.core.answer.backend import Backend
from competitor.core.chat import Chat
from competitor.core.events import Event, Text
from competitor.core.server.serving import serve
from competitor.core.settings import Settings


async def answer(chat: Chat) -> AsyncIterator[Event]:
    if chat.text == "a million events":
        for _ in range(1_000_000):
            yield Text("x")
    elif chat.text == "an event of 50 MB":
        yield Text("y" * 50_000_000)
    elif chat.text == "block for 3 s":
        yield Text("before ")
        time.sleep(3)  # noqa: ASYNC251 - blocks the event loop on purpose
        yield Text("after")
    else:
        yield Text("fine")


if __name__ == "__main__":
    sys.exit(serve(Settings.from_environment(os.environ), Backend("heavy", answer)))
