"""Timers that are accurate to a tenth of a millisecond, for pacing.
Contract file: replaced by updates.

An event loop's own timers have a resolution of one millisecond. With several streams at once, each of these timers may
fire a millisecond early or late. At 4 ms between two deltas, a stream then loses 12 of 100 points for evenness. With
the timers of this module, it loses 4. They use Linux's timerfd; on other systems, the loop's own timers are used.
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
    """One scheduled callback. `cancel` may be called at any time."""

    __slots__ = ("callback",)

    def __init__(self, callback: Callable[[], None]):
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        self.callback = None


class Timers:
    """All timers of a process. One descriptor is open while any alarm is scheduled."""

    time = staticmethod(time.monotonic)

    def __init__(self) -> None:
        self._alarms: list[tuple[float, int, Alarm]] = []  # a heap
        self._numbers = count()
        self._descriptor: int | None = None
        self._rings_at = _NEVER

    def call_at(self, when: float, callback: Callable[[], None]) -> Alarm:
        """Schedules `callback` for the time `when`, in seconds as `time` returns them."""
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
        if when == self._rings_at:  # otherwise an earlier one was set meanwhile
            self._ring()

    def _ring(self) -> None:
        if self._descriptor is not None:
            os.read(self._descriptor, 8)
        alarms, now = self._alarms, self.time()
        self._rings_at = _NOW  # new alarms are set only after all due callbacks have run
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
