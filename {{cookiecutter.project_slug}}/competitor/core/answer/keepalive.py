"""One timer for all open streams: keep-alive and words of progress cost nothing per chunk."""
# Contract file: replaced by updates.

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Protocol

log = logging.getLogger("competitor.clock")

TICK_SECONDS = 0.2
# Late by this much, the event loop was blocked: every stream of the process stood still.
LATE_SECONDS = 0.5


class Ticking(Protocol):
    def tick(self, now: float, late: float) -> None:
        """`late`: seconds that the event loop kept everybody waiting, just now."""
        ...


class Clock:
    """Calls `tick` of all its members five times a second, and runs only while it has some."""

    def __init__(self, now: Callable[[], float] = time.monotonic):
        self.now = now
        self._members: set[Ticking] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0

    def add(self, member: Ticking) -> None:
        self._members.add(member)
        if self._timer is None:
            self._arm()

    def discard(self, member: Ticking) -> None:
        self._members.discard(member)

    def tick(self) -> None:
        now = self.now()
        late = now - self._due
        if late > LATE_SECONDS:
            log.warning(
                "the event loop was blocked; blocking work belongs into asyncio.to_thread",
                extra={"seconds": round(late, 2), "streams": len(self._members)},
            )
        for member in tuple(self._members):
            member.tick(now, late)
        if self._members:
            self._arm()
        else:
            self._timer = None

    def _arm(self) -> None:
        self._due = self.now() + TICK_SECONDS
        self._timer = asyncio.get_running_loop().call_later(TICK_SECONDS, self.tick)
