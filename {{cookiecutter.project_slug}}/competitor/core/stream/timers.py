"""Timers that ring within a tenth of a millisecond, for text that is to leave evenly.
Contract file: replaced by updates.

An event loop's own timers count whole milliseconds, and with several streams at once each of them rings
up to one early or late. At 4 ms between two deltas that alone costs 12 of 100 points of evenness; with
these it is 4. Linux has the means, a timer that is a file descriptor; elsewhere the loop's timers serve.
"""

import asyncio
import os
import time
from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count

from . import timerfd

# Alarms due within this time fire together, which saves a turn of the loop.
TOGETHER_SECONDS = 0.0002
_NEVER, _NOW = float("inf"), float("-inf")


class Alarm:
    """One call to come; `cancel` may be called at any time."""

    __slots__ = ("callback",)

    def __init__(self, callback: Callable[[], None]):
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        self.callback = None


class Timers:
    """All of a process's. One descriptor is open while any alarm is to come, and none else."""

    time = staticmethod(time.monotonic)

    def __init__(self) -> None:
        self._alarms: list[tuple[float, int, Alarm]] = []  # a heap
        self._numbers = count()
        self._descriptor: int | None = None
        self._rings_at = _NEVER

    def call_at(self, when: float, callback: Callable[[], None]) -> Alarm:
        """Calls back once `time` has come to `when`, in seconds."""
        alarm = Alarm(callback)
        heappush(self._alarms, (when, next(self._numbers), alarm))
        if when < self._rings_at:
            self._set(when)
        return alarm

    def _set(self, when: float) -> None:
        self._rings_at = when
        if not timerfd.EXISTS:
            asyncio.get_running_loop().call_later(max(0.0, when - self.time()), self._ring_at, when)
            return
        if self._descriptor is None:
            self._descriptor = timerfd.create()
            asyncio.get_running_loop().add_reader(self._descriptor, self._ring)
        timerfd.set_time(self._descriptor, when)

    def _ring_at(self, when: float) -> None:
        if when == self._rings_at:  # else an earlier one was set meanwhile
            self._ring()

    def _ring(self) -> None:
        if self._descriptor is not None:
            os.read(self._descriptor, 8)
        alarms, now = self._alarms, self.time()
        self._rings_at = _NOW  # nothing that a callback asks for is set before all that is due was called
        try:
            while alarms and alarms[0][0] <= now + TOGETHER_SECONDS:
                alarm = heappop(alarms)[2]
                if alarm.callback is not None:
                    alarm.callback()
        finally:
            while alarms and alarms[0][2].callback is None:
                heappop(alarms)
            self._rings_at = _NEVER
            if alarms:
                self._set(alarms[0][0])
            elif self._descriptor is not None:
                asyncio.get_running_loop().remove_reader(self._descriptor)
                os.close(self._descriptor)
                self._descriptor = None
