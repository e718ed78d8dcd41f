"""Measures how late this process does what it planned, so that pacing can choose a step that hides it.
Contract file: replaced by updates.
"""

import time
from contextlib import suppress
from math import sqrt
from pathlib import Path

# The evenness of deltas `step` seconds apart is about 1 / (1 + lateness / step) (CONTRACT.md, section 10), where the
# lateness is its root mean square. With this many times the lateness between two deltas, it costs five points.
STEPS_A_LATENESS = 20
# The last 128 alarms count most. One very late alarm alone must not widen the steps of the next seconds.
WEIGHT = 1 / 128
MAX_COUNTED_SECONDS = 0.010
# On Linux, the share of the last ten seconds in which some process of the machine waited for a core, in percent.
PRESSURE_FILE = Path("/proc/pressure/cpu")
MAX_PRESSURE_PERCENT = 20.0
PRESSURE_SECONDS = 1.0


class Lateness:
    """The lateness of a process's alarms, and whether the machine's cores are contended.

    The alarms do not see everything: a kernel that prefers processes that slept wakes this one in time, while a client
    on the same machine, or the upstream, is late by milliseconds. So a machine on which processes wait for a core
    counts as late too.
    """

    def __init__(self, pressure_file: Path = PRESSURE_FILE) -> None:
        self._mean_square = 0.0
        self._pressure_file = pressure_file
        self._contended = False
        self._looked_at = float("-inf")

    def rang(self, late: float) -> None:
        """Counts one alarm that rang `late` seconds after its time."""
        late = min(late, MAX_COUNTED_SECONDS)
        self._mean_square += WEIGHT * (late * late - self._mean_square)

    @property
    def usual(self) -> float:
        """The lateness of the latest alarms: the root of the mean square, in seconds."""
        return sqrt(self._mean_square)

    @property
    def safe_step(self) -> float:
        """The time between two deltas, in seconds, beside which the alarms' lateness hardly counts."""
        return STEPS_A_LATENESS * self.usual

    @property
    def contended(self) -> bool:
        """Whether processes of this machine wait for a core. Read at most once a second; False if it is unknown."""
        now = time.monotonic()
        if now - self._looked_at >= PRESSURE_SECONDS:
            self._looked_at = now
            with suppress(OSError, ValueError, IndexError):  # an old kernel, another system, a sandbox
                first = self._pressure_file.read_text(encoding="ascii").split()
                self._contended = float(first[1].removeprefix("avg10=")) >= MAX_PRESSURE_PERCENT
        return self._contended
