"""How many requests run, how many wait, and what the rest is told (section 7)."""
# Contract file: replaced by updates.

import asyncio

from ..errors import ApiError


class NoSlot(Exception):
    """No slot became free in time."""


class Gate:
    """Answers `running` requests at once and keeps `most` open; the ones between wait for up to `wait_seconds`."""

    def __init__(self, running: int, most: int, wait_seconds: float):
        self._slots = asyncio.Semaphore(running)
        self._most, self._wait_seconds = most, wait_seconds
        self.open = 0

    def check(self) -> None:
        """Raises `ApiError` (503) when no more may be open."""
        if self.open >= self._most:
            raise ApiError(
                "overloaded",
                "Too many requests are open. Please try again in a few seconds.",
                headers={"retry-after": "5"},
            )

    async def enter(self) -> None:
        """Waits for a slot, which `leave` gives back. Raises `NoSlot`."""
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
