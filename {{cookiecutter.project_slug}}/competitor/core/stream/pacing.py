"""Pacing: sends text that arrives in bursts as small deltas, evenly spaced, at the upstream's average rate.
Contract file: replaced by updates.

The benchmark scores when deltas arrive, not how long they are (CONTRACT.md, section 10). So the time between two
deltas is kept constant, and their length varies: the held text is divided among the deltas so that all of it has been
sent when the next burst is due. Text that the upstream sends evenly is passed on unchanged.

Text is held for at most one interval between bursts, and never longer than `JANUS_PACING_MOST_SECONDS`. The first
piece, reasoning and tool calls are not delayed. When the upstream's text ends, the held text is sent within 150 ms.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from math import ceil
from typing import Protocol

from ..limits import MAX_DELTA_CHARACTERS, MAX_HELD_CHARACTERS
from .graphemes import cut
from .timers import Timers

# Shortest time between two deltas of a stream: 450 deltas in a second are still more than 200, which a long answer
# should have. More deltas would cost more CPU and not raise the score.
MIN_SPACING_SECONDS = 0.004
# Longest time between two deltas: the benchmark's speed score expects 30 deltas a second.
MAX_SPACING_SECONDS = 1 / 30
# All streams of a process together send at most this many paced deltas a second, which takes about a tenth of a core.
DELTAS_A_SECOND = 6000
# A burst of fewer characters does not prove that the upstream is fast, so it becomes fewer deltas: with more time
# between two of them, jitter of machines and networks matters less.
SMALL_BURST_CHARACTERS = 300
SMALL_BURST_SECONDS = 0.008
# Deltas closer together than this arrived in one read. A burst may take several reads; if it lasts longer than this,
# it is a steady flow.
TOGETHER_SECONDS = 0.0015
BURST_PAUSE_SECONDS = 0.005
FLOW_SECONDS = 0.02
# How long the first burst is stretched, since nobody knows when the next one will arrive: as if the upstream sent 40
# tokens of 4 characters a second, but not longer than the usual time between bursts.
FIRST_SECONDS_A_CHARACTER = 0.025 / 4
MAX_FIRST_SECONDS = 1.1
# One delta with more characters than this counts as a burst.
LARGE_DELTA_CHARACTERS = 32
# Single deltas are paced too if their intervals differ by more than this factor.
UNEVEN = 2.0
TAIL_SECONDS = 0.15
MIN_TAIL_SECONDS = 0.0005
# If an answer had this many deltas, it keeps at least as many, even if its end comes early.
DELTAS_KEPT = 200


class Cancellable(Protocol):
    def cancel(self) -> None: ...


class Alarms(Protocol):
    """The clock and the timers that a pacer needs: `Timers`, or an event loop."""

    def time(self) -> float: ...
    def call_at(self, when: float, callback: Callable[[], None]) -> Cancellable: ...


@dataclass
class Pacing:
    """The settings of pacing, and the number of streams that hold text now. All streams of a process share it."""

    fixed_seconds: float | None  # time between two deltas; None: measured for each stream
    most_seconds: float  # longest time that text is held
    holding: int = 0
    timers: Timers = field(default_factory=Timers)

    @property
    def shortest(self) -> float:
        """Shortest time between two deltas. With many streams, each sends fewer deltas, to limit the cost."""
        return min(MAX_SPACING_SECONDS, max(MIN_SPACING_SECONDS, self.holding / DELTAS_A_SECOND))


class _Rhythm:
    """Measures the bursts of an upstream."""

    def __init__(self, most_seconds: float):
        self._most_seconds = most_seconds
        self._intervals: deque[float] = deque(maxlen=8)
        self._came_at = float("-inf")
        self._first_at = 0.0
        self._before = 0  # number of deltas in earlier bursts
        self.deltas = self.characters = 0  # in all bursts; in this burst
        self.burst_at = float("-inf")

    def came(self, now: float, characters: int) -> None:
        if now - self._came_at > BURST_PAUSE_SECONDS or now - self.burst_at > FLOW_SECONDS:
            if not self.deltas:
                self._first_at = now
            elif now - self.burst_at <= self._most_seconds:  # longer is a pause of the upstream
                self._intervals.append(now - self.burst_at)
            self.burst_at, self.characters, self._before = now, 0, self.deltas
        self._came_at = now
        self.deltas += 1
        self.characters += characters

    @property
    def next_at(self) -> float:
        """The time at which the next burst is expected, in the clock's seconds."""
        if self._intervals:
            return self.burst_at + max(self._intervals)
        first = min(MAX_FIRST_SECONDS, FIRST_SECONDS_A_CHARACTER * self.characters)
        return self.burst_at + min(first, self._most_seconds)

    @property
    def uneven(self) -> bool:
        """Whether the intervals of single deltas differ so much that pacing is worth the delay."""
        full = len(self._intervals) == self._intervals.maxlen
        return full and max(self._intervals) > UNEVEN * min(self._intervals)

    @property
    def spacing(self) -> float | None:
        """The upstream's average time for a delta, in seconds; None if too few deltas have arrived."""
        if len(self._intervals) < 3 or not self._before:
            return None
        return (self.burst_at - self._first_at) / self._before


class Pacer:
    """Paces the text of one answer: `text` takes pieces as they arrive; `emit` is called with the deltas to send.

    `leave` is called after a timer has sent deltas, so that they are written at once.
    """

    def __init__(self, pacing: Pacing, emit: Callable[[str], None], leave: Callable[[], None], alarms: Alarms):
        self._pacing, self._emit, self._leave, self._alarms = pacing, emit, leave, alarms
        self._rhythm = _Rhythm(pacing.most_seconds)
        self._held, self._at = "", 0  # the held text begins at `_at`
        self._timer: Cancellable | None = None  # set while text is held
        self._due = self._until = 0.0
        self._step = pacing.fixed_seconds or 0.0  # time between two deltas; 0 before the first burst
        self._planned_for = float("-inf")  # the burst for which the step was last planned
        self._sent_at = float("-inf")
        self._sent = 0
        self._tail = 0  # after the end: deltas left to send
        self._out: asyncio.Future[None] | None = None

    def text(self, text: str) -> None:
        now = self._alarms.time()
        self._rhythm.came(now, len(text))
        if not self._step and self._rhythm.uneven:
            self._step = min(MAX_SPACING_SECONDS, self._rhythm.spacing or 0.0)
        if self._timer is None and now - self._sent_at >= max(self._step, TOGETHER_SECONDS):
            first = cut(text, 0, self._first_share(len(text), now))
            self._send(text[:first], now)
            text = text[first:]
            if not text:
                return
        self._held, self._at = self._held[self._at :] + text, 0
        if len(self._held) > MAX_HELD_CHARACTERS:
            self.flush()
        elif self._timer is None:
            self._pacing.holding += 1
            self._schedule(max(now, self._sent_at + (self._step or self._pacing.shortest)))

    def flush(self) -> None:
        """Sends the held text now, because an event follows that must not wait behind it."""
        self._send_held(len(self._held), self._alarms.time())
        self.drop()

    def drop(self) -> None:
        """Discards the held text, because nobody reads it any more."""
        self._held, self._at = "", 0
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self._pacing.holding -= 1

    async def end(self) -> None:
        """Ends the text. Returns when all of it is sent, at most 150 ms later."""
        if self._timer is None:
            return
        now, left = self._alarms.time(), len(self._held) - self._at
        self._plan(now)
        self._tail = min(self._ticks(now), max(1, int(TAIL_SECONDS / self._step)))
        owed = min(self._rhythm.deltas, DELTAS_KEPT) - self._sent
        if owed > self._tail and self._pacing.fixed_seconds is None:
            self._tail = min(owed, left)
            self._step = max(MIN_TAIL_SECONDS, TAIL_SECONDS / self._tail)
        self._until = now + min(TAIL_SECONDS, self._tail * self._step)
        if self._due > now + self._step:
            self._timer.cancel()
            self._schedule(now + self._step)
        self._out = asyncio.get_running_loop().create_future()
        await self._out

    def _first_share(self, characters: int, now: float) -> int:
        """Returns how many of the characters to send at once. They have just arrived, and no other text is held."""
        if self._step:
            return max(1, round(characters * self._step / max(self._step, self._rhythm.next_at - now)))
        return characters if characters <= LARGE_DELTA_CHARACTERS else LARGE_DELTA_CHARACTERS // 4

    def _tick(self) -> None:
        now = self._alarms.time()
        if not self._tail:
            self._plan(now)
        ticks = self._ticks(now)
        deltas = self._tail or ticks
        for _ in range(max(1, round(deltas / ticks))):
            end = cut(self._held, self._at, max(1, round((len(self._held) - self._at) / max(1, deltas))))
            self._send_held(end, now)
            deltas -= 1
            if end == len(self._held):
                break
        self._leave()
        if self._at < len(self._held):
            self._tail = self._tail and max(1, deltas)
            self._schedule(max(now, self._due + self._step))
        else:
            self.drop()
            if self._out is not None and not self._out.done():
                self._out.set_result(None)

    def _plan(self, now: float) -> None:
        """Plans the time between deltas again for each burst. It changes rarely, because evenness is scored."""
        rhythm = self._rhythm
        if self._planned_for == rhythm.burst_at:
            return
        self._planned_for, self._until = rhythm.burst_at, rhythm.next_at
        if self._pacing.fixed_seconds is not None:
            return
        shortest = self._pacing.shortest
        spacing = rhythm.spacing
        if spacing is not None:  # as many deltas as the upstream sends
            spacing = min(MAX_SPACING_SECONDS, max(shortest, int(spacing * 1000) / 1000))
            self._step = min(self._step, spacing) if self._step else spacing
        elif not self._step:
            self._step = shortest
            if rhythm.characters < SMALL_BURST_CHARACTERS:
                self._step = max(shortest, SMALL_BURST_SECONDS)
        # At least one character for each delta; in whole milliseconds, the resolution of some systems' timers.
        wanted = ceil((self._until - now) / (len(self._held) - self._at) * 1000) / 1000
        self._step = max(self._step, min(MAX_SPACING_SECONDS, wanted))

    def _ticks(self, now: float) -> int:
        """The number of deltas, including the current one, that can be sent before the deadline for the held text."""
        return max(1, ceil((self._until - now) / self._step - 1e-6))

    def _schedule(self, due: float) -> None:
        self._due = due
        self._timer = self._alarms.call_at(due, self._tick)

    def _send_held(self, end: int, now: float) -> None:
        """Sends the held text up to `end`: in one delta, or in several if one would be too long for some readers."""
        most = MAX_DELTA_CHARACTERS
        while self._at < end:
            stop = end if end - self._at <= most else cut(self._held, self._at, most)
            self._send(self._held[self._at : stop], now)
            self._at = stop

    def _send(self, text: str, now: float) -> None:
        self._sent_at = now
        self._sent += 1
        self._emit(text)
