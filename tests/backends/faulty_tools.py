"""Tools with faults. The tests copy this file into a generated repo, as its `competitor/backend/tools.py`."""

import asyncio
import sys
import time
from typing import Any

from competitor.api import Chat, Result, Tool, ToolError, tool

CANARY = "canary-of-a-tool"


async def echo(text: str, times: int = 1) -> str:
    """Repeats the text."""
    return " ".join([text] * times)


async def raises() -> str:
    """Fails with an exception."""
    raise RuntimeError(CANARY)


async def refuses() -> str:
    """Fails with a sentence for the model."""
    raise ToolError("This glossary is closed; try the other one.")


async def exits() -> str:
    """Tries to end the server's process."""
    sys.exit(3)


async def cancels_itself() -> str:
    """Raises CancelledError, although only the caller of a tool should cancel it."""
    raise asyncio.CancelledError


async def hangs() -> str:
    """Never returns."""
    await asyncio.Event().wait()
    return "never"


async def ignores_cancellation() -> str:
    """Never returns, and ignores its cancellation."""
    while True:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            continue


async def blocks() -> str:
    """Blocks the event loop for more than a second."""
    time.sleep(1.2)  # noqa: ASYNC251 - blocks on purpose
    return "blocked"


async def floods() -> str:
    """Returns fifty megabytes."""
    return "flood " * 8_000_000


async def says_half_characters() -> Result:
    """Returns a text with an unpaired surrogate, and details with an infinite number, which JSON does not allow."""
    return Result("half \ud83d \x00 \u2028", details={"half": "\x00", "number": float("inf")})


async def gives_an_odd_thing() -> Any:
    """Returns values that JSON cannot represent."""
    return {"odd": object(), "a set": {1}, "not a number": float("nan")}


async def prints() -> str:
    """Prints megabytes."""
    for stream in (sys.stdout, sys.stderr):
        stream.write("print " * 500_000)
    return "printed"


async def recurses() -> str:
    """Calls itself without end."""
    return await recurses()


def tools(chat: Chat) -> list[Tool]:
    return [
        tool(function)
        for function in (
            echo, raises, refuses, exits, cancels_itself, hangs, ignores_cancellation, blocks, floods,
            says_half_characters, gives_an_odd_thing, prints, recurses,
        )
    ]  # fmt: skip
