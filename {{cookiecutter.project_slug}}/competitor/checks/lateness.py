"""Measures how long our processes have waited for a CPU, to distinguish a slow server from a busy machine.
Contract file: replaced by updates.

A measured time may exceed its limit by the time that our processes have waited. On a machine that is not busy, they
do not wait, so the limit is strict. On Linux, the kernel counts the waiting time, but not the time for which the whole
machine was stopped, for instance by its hypervisor. This is the time by which a thread that sleeps again and again
wakes up much too late. On other systems, that thread is the only measure.
"""

import os
import sys
import threading
import time
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from itertools import pairwise
from operator import itemgetter
from types import TracebackType
from typing import Self

from .responses import Stream

LOOK_SECONDS = 0.1
# Shorter times do not count: Windows wakes a thread only about every 16 ms, and Linux counts short waits by itself.
_USUAL_OVERSLEEP_SECONDS = 0.5 if sys.platform == "linux" else 0.02


class Lateness:
    """Measures how long this process and all processes that it started wait for a CPU.

    As a context manager, it also records at what times they waited.
    """

    def __init__(self) -> None:
        self._last = dict(_waits(os.getpid()))
        self._looks = [(time.monotonic(), 0.0)]  # when, and the seconds of waiting until then
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look_again_and_again, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._over.set()
        self._thread.join()

    @property
    def seconds(self) -> float:
        """The seconds of waiting until now, or until the end of the `with` block."""
        if not self._over.is_set():
            self._look()
        return self._looks[-1][1]

    def between(self, start: float, end: float) -> float:
        """The seconds of waiting between two times of `time.monotonic`.

        The result may include some waiting just before and after, since the waiting is read only every `LOOK_SECONDS`.
        """
        if self._looks[-1][0] < end:
            self._look()
        before = max(0, bisect_right(self._looks, start, key=itemgetter(0)) - 1)
        after = min(bisect_left(self._looks, end, key=itemgetter(0)), len(self._looks) - 1)
        return self._looks[after][1] - self._looks[before][1]

    def largest_gap(self, stream: Stream) -> float:
        """The stream's largest gap in seconds, without the time during which our processes waited for a CPU."""
        times = [stream.sent, *(stream.sent + at for at, line in stream.lines if line)]
        return max((end - start - self.between(start, end) for start, end in pairwise(times)), default=0.0)

    def _look_again_and_again(self) -> None:
        began = time.monotonic()
        while not self._over.wait(LOOK_SECONDS):
            overslept = time.monotonic() - began - LOOK_SECONDS
            self._look(0.0 if overslept < _USUAL_OVERSLEEP_SECONDS else overslept)
            began = time.monotonic()
        self._look()

    def _look(self, overslept: float = 0.0) -> None:
        with self._lock:
            now = dict(_waits(os.getpid()))
            more = sum(max(0.0, wait - self._last.get(thread, 0.0)) for thread, wait in now.items())
            self._last = now
            self._looks.append((time.monotonic(), self._looks[-1][1] + max(more, overslept)))


def _waits(pid: int) -> Iterator[tuple[str, float]]:
    """Yields each thread of a process and its descendants, with the seconds that it has waited so far."""
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return
    for thread in threads:
        try:
            yield thread, int(_read(f"/proc/{pid}/task/{thread}/schedstat")[1]) / 1e9
            children = _read(f"/proc/{pid}/task/{thread}/children")
        except (OSError, IndexError):  # it has ended
            continue
        for child in children:
            yield from _waits(int(child))


def _read(path: str) -> list[str]:
    with open(path, encoding="ascii") as file:
        return file.read().split()
