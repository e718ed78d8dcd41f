"""Waits in a thread for work in the event loop, since LangChain runs plain functions in threads."""
# Contract file: replaced by updates.

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def waited(work: Coroutine[Any, Any, T], loop: asyncio.AbstractEventLoop | None) -> T:
    """Runs `work` in the loop and waits for it. Must be called in another thread than the loop's."""
    if loop is None or running_loop() is not None:
        work.close()
        raise RuntimeError("A sync call would block the loop: use ainvoke or astream, or call it in a thread.")
    return asyncio.run_coroutine_threadsafe(work, loop).result()
