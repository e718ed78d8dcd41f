"""Tools that do what no tool should. The tests put this file into a bake, as its `competitor/backend/tools.py`."""

import asyncio
import sys
import time
from typing import Any

from competitor.api import Chat, Result, Tool, ToolError, tool

CANARY = "canary-of-a-tool"


async def echo(text: str, times: int = 1) -> str:
    """Gives the text back."""
    return " ".join([text] * times)


async def raises() -> str:
    """Fails with an exception."""
    raise RuntimeError(CANARY)


async def refuses() -> str:
    """Fails with a sentence for the model."""
    raise ToolError("This glossary is closed; try the other one.")


async def exits() -> str:
    """Ends the process, if it can."""
    sys.exit(3)


async def cancels_itself() -> str:
    """Raises what only its caller should."""
    raise asyncio.CancelledError


async def hangs() -> str:
    """Never comes back."""
    await asyncio.Event().wait()
    return "never"


async def ignores_cancellation() -> str:
    """Never comes back, and does not let itself be stopped."""
    while True:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            continue


async def blocks() -> str:
    """Stops the event loop for a while."""
    time.sleep(1.2)  # noqa: ASYNC251 - what it is here for
    return "blocked"


async def floods() -> str:
    """Says fifty megabytes."""
    return "flood " * 8_000_000


async def says_half_characters() -> Result:
    """Says what no JSON reader likes."""
    return Result("half \ud83d \x00 \u2028", details={"half": "\x00", "number": float("inf")})


async def gives_an_odd_thing() -> Any:
    """Gives something that JSON cannot hold."""
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
