"""An event loop that counts calls, handles and turns.

It is based on asyncio's own loop, because calls in uvloop's compiled code cannot be counted. It never wakes up for a
timer, so the counts do not depend on how long anything takes.
"""

import asyncio
import selectors
import sys
import threading
from collections import deque
from types import FrameType
from typing import Any, NamedTuple

# Modules that uvloop replaces by compiled code. A call from other code into these counts as one C call.
_ASYNCIO = ("base_events", "events", "selector_events", "transports", "trsock", "unix_events")
_LOOP_FILES = frozenset(
    sys.modules[name].__file__ for name in (*(f"asyncio.{name}" for name in _ASYNCIO), "selectors", __name__)
)

# Python caches integers up to 256. Counters start above, so that each increment allocates the same.
_BEYOND_CACHED = 1000


class Counts(NamedTuple):
    """The numbers that the loop has counted since its start."""

    python_calls: int
    c_calls: int
    handles: int
    turns: int

    def since(self, earlier: "Counts") -> "Counts":
        return Counts(*(now - then for now, then in zip(self, earlier, strict=True)))


class _Selector(selectors.DefaultSelector):
    """A selector that ignores timers, and unlocks `busy` when the loop has nothing left to do."""

    idle = False

    def __init__(self) -> None:
        super().__init__()
        self.busy = threading.Lock()

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is not None and timeout <= 0:
            return super().select(0)
        self.idle = True
        if self.busy.locked():
            self.busy.release()
        found = super().select(None)
        self.idle = False
        return found


class _Handles(deque[asyncio.Handle]):
    """The loop's queue of ready handles. It counts the handles that are run."""

    run = _BEYOND_CACHED

    def popleft(self) -> asyncio.Handle:
        handle = super().popleft()
        self.run += not handle.cancelled()
        return handle


class CountingLoop(asyncio.SelectorEventLoop):
    """A counting event loop. Another thread may read `counts` while the selector is `idle`."""

    _ready: _Handles
    _scheduled: list[asyncio.TimerHandle]

    def __init__(self) -> None:
        self.selector = _Selector()
        super().__init__(self.selector)
        self._ready = _Handles()
        self.profiled, self._profiles = True, False  # whether to count calls, and whether that is on now
        self._turns = self._python_calls = self._c_calls = _BEYOND_CACHED

    @property
    def counts(self) -> Counts:
        return Counts(self._python_calls, self._c_calls, self._ready.run, self._turns)

    def forget_timers(self) -> None:
        """Removes all timers, which never fire and would accumulate. Must be called while the loop is idle."""
        self._scheduled.clear()
        self._timer_cancelled_count = 0

    def _run_once(self) -> None:
        if self.profiled is not self._profiles:
            sys.setprofile(self._count if self.profiled else None)
            self._profiles = self.profiled
        self._turns += 1
        super()._run_once()  # type: ignore[misc]

    def _count(self, frame: FrameType, event: str, _: Any) -> None:
        inside = frame.f_code.co_filename in _LOOP_FILES
        if event == "call":
            caller = frame.f_back
            if not inside:
                self._python_calls += 1
            elif caller is not None and caller.f_code.co_filename not in _LOOP_FILES:
                self._c_calls += 1
        elif event == "c_call" and not inside:
            self._c_calls += 1
