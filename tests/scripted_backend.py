"""Runs the core with a backend for tests: `python scripted_backend.py`, in a folder that has `competitor/`.

The first word of the prompt names a function in `DEEDS`, which answers. Any other prompt is passed on to the model.
"""

import asyncio
import os
import random
import sys
import time
from collections.abc import AsyncIterator
from typing import Any

if __name__ == "__main__":
    sys.path[0] = os.getcwd()  # as `python -m` does, not the folder of this file

from competitor.core.answer.backend import Backend
from competitor.core.chat import Chat
from competitor.core.events import (
    Event,
    Finish,
    Reasoning,
    SandboxEnd,
    SandboxStart,
    Text,
    ToolCall,
    ToolEnd,
    ToolStart,
)
from competitor.core.server.serving import serve
from competitor.core.settings import Settings
from competitor.core.usage import Usage


async def events(chat: Chat) -> AsyncIterator[Event]:
    yield Reasoning("Let me see. ")
    one, other = ToolStart("search"), ToolStart("calculator", details={"arguments": "17 * 23"})
    yield one
    yield other
    yield ToolEnd(other.id, details={"result": "391"})
    yield SandboxStart("python", id="box")
    yield SandboxEnd("box")
    yield ToolEnd(one.id, "error")
    yield Text("Done.")
    yield Usage(20, 10, cost_usd=0.001, sandbox_seconds=1.5)


async def a_tool_named(chat: Chat) -> AsyncIterator[Event]:
    yield (start := ToolStart(chat.text.partition(" ")[2]))
    yield ToolEnd(start.id)


async def unpaired(chat: Chat) -> AsyncIterator[Event]:
    yield ToolStart("never_ends")
    yield ToolEnd("never-started")
    yield Text("Done.")


async def raises_first(chat: Chat) -> AsyncIterator[Event]:
    raise RuntimeError("canary-in-an-exception")
    yield Text("never")


async def raises_later(chat: Chat) -> AsyncIterator[Event]:
    yield Text("So far ")
    raise RuntimeError("canary-in-an-exception")


def secrets_of(chat: Chat) -> str:
    token = chat.request.chutes_access_token
    return " ".join([*chat.settings.secrets, token.get_secret_value() if token else ""])


async def raises_secrets(chat: Chat) -> AsyncIterator[Event]:
    yield Text("So far ")
    raise RuntimeError(secrets_of(chat))


async def logs_secrets(chat: Chat) -> AsyncIterator[Event]:
    """As a careless owner does."""
    chat.log.warning(f"asked with {secrets_of(chat)}", extra={"headers": {"authorization": secrets_of(chat)}})
    chat.log.debug("settings: %s, request: %r", chat.settings, chat.request)
    yield Text("Done.")


async def yields_nothing(chat: Chat) -> AsyncIterator[Event]:
    return
    yield Text("never")


async def wrong_type(chat: Chat) -> AsyncIterator[Any]:
    yield "a plain string"


async def text_of_number(chat: Chat) -> AsyncIterator[Event]:
    yield Text(5)  # type: ignore[arg-type]


async def after_the_end(chat: Chat) -> AsyncIterator[Event]:
    yield Text("All of it.")
    yield Finish("length")
    yield Text(" And more.")


async def many_events(chat: Chat) -> AsyncIterator[Event]:
    for _ in range(50_000):
        yield Text("x")


async def one_large_event(chat: Chat) -> AsyncIterator[Event]:
    yield Text("y" * 50_000_000)


async def blocks(chat: Chat) -> AsyncIterator[Event]:
    yield Text("before ")
    time.sleep(1.2)  # noqa: ASYNC251 - what it is here for
    yield Text("after")


async def ignores_cancellation(chat: Chat) -> AsyncIterator[Event]:
    yield Text("Still here. ")
    while True:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            continue


async def raises_in_finally(chat: Chat) -> AsyncIterator[Event]:
    try:
        yield Text("So far ")
        await asyncio.sleep(60)
    finally:
        raise RuntimeError("canary-in-an-exception")


async def recursion(chat: Chat) -> AsyncIterator[Event]:
    def deeper(level: int) -> int:
        return deeper(level + 1)

    yield Text(str(deeper(0)))


async def exits(chat: Chat) -> AsyncIterator[Event]:
    yield Text("So far ")
    sys.exit(3)


async def cancels_itself(chat: Chat) -> AsyncIterator[Event]:
    yield Text("So far ")
    raise asyncio.CancelledError


async def sleeps(chat: Chat) -> AsyncIterator[Event]:
    await asyncio.sleep(60)
    yield Text("never")


async def half_pairs(chat: Chat) -> AsyncIterator[Event]:
    yield Text("smile \ud83d")
    yield Text("\ude00 lone \ud83d")
    yield Text(" end")


async def client_calls(chat: Chat) -> AsyncIterator[Event]:
    yield Text("Calling. ")
    yield ToolCall("get_weather", '{"city": "Paris"}')
    yield ToolCall("get_weather", "")
    yield ToolCall("not_the_clients")


async def iterates(chat: Chat) -> AsyncIterator[Event]:
    """Yields each event of one completion, and then a second completion object, whose events the core sends."""
    first = chat.complete()
    async for event in first:
        yield event
    yield Text(f"[{len(first.text)} characters, {first.finish_reason}]")
    yield chat.complete([{"role": "user", "content": "again"}], temperature=None)


async def artifact(chat: Chat) -> AsyncIterator[Event]:
    """For the prompt `artifact 200000 photo.png`, saves 200000 bytes as `photo.png`, between two pieces of text."""
    _, size, name = chat.text.split(" ", 2)
    yield Text("Here it is:")
    yield await chat.artifacts.save(random.Random(size).randbytes(int(size)), name)
    yield Text("That was all.")


async def artifact_not_yielded(chat: Chat) -> AsyncIterator[Event]:
    await chat.artifacts.save("a,b\n1,2\n", "table.csv")
    yield Text("The table:")


def not_a_generator(chat: Chat) -> Any:
    return 5


async def a_coroutine(chat: Chat) -> Any:
    return 5


DEEDS = {
    deed.__name__: deed
    for deed in (
        events, a_tool_named, unpaired, raises_first, raises_later, yields_nothing, wrong_type, text_of_number,
        after_the_end, many_events, one_large_event, blocks, ignores_cancellation, raises_in_finally, recursion, exits,
        cancels_itself, sleeps, half_pairs, client_calls, iterates, artifact,
        artifact_not_yielded, raises_secrets, logs_secrets, not_a_generator, a_coroutine,
    )
}  # fmt: skip


async def relays(chat: Chat) -> AsyncIterator[Event]:
    yield chat.complete()


def answer(chat: Chat) -> Any:
    return DEEDS.get(chat.text.partition(" ")[0], relays)(chat)


if __name__ == "__main__":
    sys.exit(serve(Settings.from_environment(os.environ), Backend("scripted", answer)))
