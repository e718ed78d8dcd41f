"""Admission: how many requests run at once, how many wait, and which are refused with 503 (section 7)."""
# Contract file: replaced by updates.

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import ApiError


class NoSlot(Exception):
    """A request got no slot within its waiting time."""


class Gate:
    """Runs up to `running` requests at once; others wait up to `wait_seconds`. At most `most` may run or wait."""

    def __init__(self, running: int, most: int, wait_seconds: float):
        self._slots = asyncio.Semaphore(running)
        self._most, self._wait_seconds = most, wait_seconds
        self.open = 0

    def check(self) -> None:
        """Raises `ApiError` (503) if the allowed number of requests is already open."""
        if self.open >= self._most:
            raise ApiError(
                "overloaded",
                "Too many requests are open. Please try again in a few seconds.",
                headers={"retry-after": "5"},
            )

    async def enter(self) -> None:
        """Waits for a slot; call `leave` to give it back. Raises `NoSlot` if none becomes free in time."""
        self.open += 1
        try:
            if self._slots.locked():
                async with asyncio.timeout(self._wait_seconds):
                    await self._slots.acquire()
            else:
                await self._slots.acquire()
        except BaseException as error:
            self.open -= 1
            if isinstance(error, TimeoutError):
                raise NoSlot from None
            raise

    def leave(self) -> None:
        self.open -= 1
        self._slots.release()

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Counts a request as open while its body arrives (N5). Raises `ApiError` as `check` does."""
        self.check()
        self.open += 1
        try:
            yield
        finally:
            self.open -= 1


class Bodies:
    """The memory of all bodies that are arriving (N5).

    Beyond `most_bytes`, a body that already has its share (`most_bytes` divided by the number of requests that may be
    open) is not read further until others are complete. Small bodies are always read.
    """

    def __init__(self, most_bytes: int, most_open: int):
        self._most, self._share = most_bytes, most_bytes // most_open
        self._held = 0
        self._freed = asyncio.Event()

    async def hold(self, size: int, more: int) -> None:
        """Counts `more` bytes of a body that has `size` bytes so far; waits until there is room for them."""
        while size + more > self._share and self._held + more > self._most:
            self._freed.clear()
            await self._freed.wait()
        self._held += more

    def free(self, size: int) -> None:
        self._held -= size
        self._freed.set()
