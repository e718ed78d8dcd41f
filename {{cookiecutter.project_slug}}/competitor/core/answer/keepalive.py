"""Keep-alive: pings and progress notes for silent streams, from one timer that costs nothing per chunk.
Contract file: replaced by updates.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Protocol

from ..stream.chunks import PING
from ..stream.writer import BodyWriter
from .answer import Answer

log = logging.getLogger("competitor.clock")

TICK_SECONDS = 0.2
# If the timer is this late, something blocked the event loop, and every stream of the process stood still.
LATE_SECONDS = 0.5


# S3: a stream gets a ping after this long without a byte. S2, S4: it gets a progress note after a longer time without a
# delta; the first note comes within the 500 ms that the benchmark expects. The timer adds up to 0.2 s to each.
PING_SECONDS = 1.0
FIRST_WORDS_SECONDS = 0.25
WORDS_SECONDS = 1.5


class Ticking(Protocol):
    def tick(self, now: float, late: float) -> None:
        """Called five times a second. `late` is how many seconds late the event loop was this time."""
        ...


class Clock:
    """Calls `tick` of each member five times a second. The timer runs only while there are members."""

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
            about = {"seconds": round(late, 2), "streams": len(self._members)}
            log.warning("the event loop was blocked; move blocking work to asyncio.to_thread", extra=about)
        for member in tuple(self._members):
            member.tick(now, late)
        if self._members:
            self._arm()
        else:
            self._timer = None

    def _arm(self) -> None:
        self._due = self.now() + TICK_SECONDS
        self._timer = asyncio.get_running_loop().call_later(TICK_SECONDS, self.tick)


class Silence:
    """Watches one stream for silence: sends pings to keep the connection open, and progress notes for the reader."""

    def __init__(self, answer: Answer, writer: BodyWriter, started: float):
        self._answer, self._writer = answer, writer
        self._quiet_since = self._worded_at = started
        self._worded = False
        self.lag = 0.0  # longest delay by the event loop, in seconds

    def tick(self, now: float, late: float) -> None:
        self.lag = max(self.lag, late)
        if self._writer.blocked:
            return
        if self._answer.has_spoken():
            self._quiet_since = self._worded_at = now
        patience = FIRST_WORDS_SECONDS if self._answer.first_at is None and not self._worded else WORDS_SECONDS
        if now - self._worded_at >= patience:
            self._worded, self._worded_at = True, now
            self._answer.progress(now - self._quiet_since)
        elif now - self._writer.wrote_at >= PING_SECONDS:
            self._writer.write(PING)
