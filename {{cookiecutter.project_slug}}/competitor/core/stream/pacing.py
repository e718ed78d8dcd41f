"""Pacing: sends text that arrives in bursts as small deltas, evenly spaced, at the upstream's average rate.
Contract file: replaced by updates.

The benchmark scores when deltas arrive, not how long they are (CONTRACT.md, section 10). So the time between two
deltas is kept constant, and their length varies: the held text is divided among the deltas so that all of it has been
sent when the next burst is due. Text that the upstream sends evenly is passed on unchanged.

Fewer deltas, further apart, are more even: the lateness of this machine, of the network and of the client is a smaller
share of the time between two of them, and so is a pause of the upstream. So the step is as wide as the speed score and
the number of deltas allow, and wider on a machine that is late (lateness.py).

Text is held for at most one interval between bursts, and never longer than `JANUS_PACING_MOST_SECONDS`. The first
piece, reasoning and tool calls are not delayed. When the upstream's text ends, the held text is sent within 150 ms; on
a late machine, within `JANUS_PACING_TAIL_SECONDS`, if the answer would have too few deltas otherwise.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from math import ceil
from typing import Protocol

from ..limits import MAX_DELTA_CHARACTERS, MAX_HELD_CHARACTERS
from .graphemes import cut
from .lateness import Lateness
from .timers import Timers

# The usual time between two deltas of a stream.
USUAL_STEP_SECONDS = 1 / 60
# After a large first burst, the upstream is fast and the answer may soon end, so the deltas come closer together: an
# answer of two seconds still has 200 of them, which a long answer should have.
FAST_STEP_SECONDS = 0.010
LARGE_BURST_CHARACTERS = 300
# Longest time between two deltas, unless there is too little text: the speed score expects 30 deltas a second.
MAX_STEP_SECONDS = 1 / 30
# All streams of a process together send at most this many paced deltas a second, which takes about a tenth of a core.
DELTAS_A_SECOND = 6000
# During an answer the step becomes wider only if lateness is more than a quarter of it, or far too many streams hold
# text, because a change makes the answer less even.
TOO_LATE = 0.25
TOO_CROWDED = 2.5
# The same if the upstream sends a word now and then: no text waits for longer.
MAX_SPARSE_STEP_SECONDS = 0.5
# With less text than this for a delta, there would be nothing left to send before the next burst.
MIN_CHARACTERS_A_DELTA = 1.25
# Deltas closer together than this are paced. Text with longer intervals is passed on while they are even.
TOGETHER_SECONDS = 0.008
UNEVEN = 1.1
KNOWN_INTERVALS = 3  # so many are needed to tell
# A burst may take several reads; if it lasts longer than this, it is a steady flow.
BURST_PAUSE_SECONDS = 0.005
FLOW_SECONDS = 0.02
# The next burst is expected after the longest interval so far. If the intervals differ by more than this factor, the
# text is stretched by a reserve, because the next interval may be longer still.
REGULAR = 1.03
RESERVE = 1.5
# How long the first burst is stretched, since nobody knows when the next one will arrive: as if the upstream sent 40
# tokens of 4 characters a second, but not longer than the usual time between bursts.
CHARACTERS_A_TOKEN = 4
FIRST_SECONDS_A_CHARACTER = 0.025 / CHARACTERS_A_TOKEN
MAX_FIRST_SECONDS = 1.5
# One delta with more characters than this counts as a burst.
LARGE_DELTA_CHARACTERS = 32
TAIL_SECONDS = 0.15
# If all of a long text arrives at the end, the deltas of the tail come as close together as this.
MIN_TAIL_STEP_SECONDS = 0.002
# A long answer should have this many deltas. A late machine takes more time for the tail if they are missing.
DELTAS_WANTED = 200


class Cancellable(Protocol):
    def cancel(self) -> None: ...


class Alarms(Protocol):
    """The clock and the timers that a pacer needs: `Timers`, or an event loop."""

    def time(self) -> float: ...
    def call_at(self, when: float, callback: Callable[[], None]) -> Cancellable: ...


@dataclass
class Pacing:
    """The settings of pacing, and what all streams of a process share."""

    fixed_seconds: float | None  # time between two deltas; None: chosen for each stream
    most_seconds: float  # longest time that text is held
    tail_seconds: float = 1.5  # longest time for the rest after the upstream's end, on a late machine
    holding: int = 0  # streams that hold text now
    timers: Timers = field(default_factory=Timers)
    lateness: Lateness = field(default_factory=Lateness)

    @property
    def late(self) -> bool:
        """Whether this machine is so late that deltas must be further apart than usual at the fastest."""
        return self.lateness.contended or self.lateness.safe_step > FAST_STEP_SECONDS

    def step(self, fast: bool) -> float:
        """The time between two deltas, in seconds. With many streams, each sends fewer deltas, to limit the cost."""
        usual = FAST_STEP_SECONDS if fast and not self.lateness.contended else USUAL_STEP_SECONDS
        return min(MAX_STEP_SECONDS, max(usual, self.lateness.safe_step, self.holding / DELTAS_A_SECOND))

    def too_narrow(self, step: float) -> bool:
        """Whether this step must become wider although deltas have been sent with it."""
        return self.lateness.usual > TOO_LATE * step or self.holding / DELTAS_A_SECOND > TOO_CROWDED * step


class _Rhythm:
    """Measures the bursts of an upstream."""

    def __init__(self, most_seconds: float):
        self._most_seconds = most_seconds
        self._intervals: deque[float] = deque(maxlen=8)
        self._came_at = float("-inf")
        self._seconds = 0.0  # all intervals together
        self._before = 0  # number of deltas in earlier bursts
        self.deltas = self.all_characters = 0  # in all bursts
        self.characters = 0  # in this burst
        self.burst_at = float("-inf")

    def came(self, now: float, characters: int) -> None:
        if now - self._came_at > BURST_PAUSE_SECONDS or now - self.burst_at > FLOW_SECONDS:
            interval = now - self.burst_at
            if interval <= self._most_seconds:  # longer is a pause of the upstream, or this is the first burst
                self._intervals.append(interval)
                self._seconds += interval
            self.burst_at, self.characters, self._before = now, 0, self.deltas
        self._came_at = now
        self.deltas += 1
        self.characters += characters
        self.all_characters += characters

    @property
    def next_at(self) -> float:
        """The time at which the next burst is expected, in the clock's seconds."""
        if self._intervals:
            shortest, longest = min(self._intervals), max(self._intervals)
            regular = self.known and longest <= REGULAR * shortest
            return self.burst_at + min(self._most_seconds, longest if regular else RESERVE * longest)
        first = min(MAX_FIRST_SECONDS, FIRST_SECONDS_A_CHARACTER * self.characters)
        return self.burst_at + min(first, self._most_seconds)

    @property
    def uneven(self) -> bool:
        """Whether the intervals of single deltas differ so much that pacing is worth the delay."""
        return self.known and max(self._intervals) > UNEVEN * min(self._intervals)

    @property
    def known(self) -> bool:
        return len(self._intervals) >= KNOWN_INTERVALS

    @property
    def seconds_a_delta(self) -> float:
        """The upstream's average time for a delta, without its pauses; 0 before the second burst."""
        return self._seconds / self._before if self._before else 0.0

    @property
    def seconds_a_character(self) -> float:
        """The upstream's average time for a character, without its pauses; 0 before the second burst."""
        before = self.all_characters - self.characters
        return self._seconds / before if before else 0.0


class Pacer:
    """Paces the text of one answer: `text` takes pieces as they arrive; `emit` is called with the deltas to send.

    `leave` is called after a timer has sent a delta, so that it is written at once.
    """

    def __init__(self, pacing: Pacing, emit: Callable[[str], None], leave: Callable[[], None], alarms: Alarms):
        self._pacing, self._emit, self._leave, self._alarms = pacing, emit, leave, alarms
        self._rhythm = _Rhythm(pacing.most_seconds)
        self._held, self._at = "", 0  # the held text begins at `_at`
        self._waiting = 0  # characters that have arrived and that `text` will bring
        self._timer: Cancellable | None = None  # set while text is held
        self._due = self._until = 0.0
        self._step = pacing.fixed_seconds or 0.0  # time between two deltas; 0 before the first burst
        self._planned_for = float("-inf")  # the burst for which the step was last planned
        # For each burst of which text may be held: its time, and the number of characters before it.
        self._bursts: deque[tuple[float, int]] = deque()
        self._sent_at = float("-inf")
        self._sent = 0
        self._out: asyncio.Future[None] | None = None  # set at the end of the text

    def text(self, text: str) -> None:
        now = self._alarms.time()
        if not self._waiting:
            self._rhythm.came(now, len(text))
        elif not self._step and self._rhythm.known:  # as many deltas as the upstream sends, and not fewer than usual
            self._step = self._first_step(self._pacing.step(fast=False))
        self._waiting = max(0, self._waiting - len(text))
        if not self._step and self._rhythm.uneven:
            self._step = self._first_step()
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
            self._schedule(max(now, self._sent_at + (self._step or FAST_STEP_SECONDS)))

    def waits(self, characters: int) -> None:
        """Measures the upstream's pace by text that is held elsewhere; `text` may bring it later."""
        self._waiting += characters
        self._rhythm.came(self._alarms.time(), characters)

    def flush(self) -> None:
        """Sends the held text now, because an event follows that must not wait behind it."""
        self._waiting = 0
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
        """Ends the text. Returns when all of it is sent, after at most 150 ms (on a late machine, after more)."""
        if self._timer is None:
            return
        now, pacing = self._alarms.time(), self._pacing
        self._plan(now)
        tokens = max(self._rhythm.deltas, self._rhythm.all_characters // CHARACTERS_A_TOKEN)
        owed = min(DELTAS_WANTED, tokens) - self._sent
        wanted = max(self._until - now, owed * self._step)
        rest = min(TAIL_SECONDS, wanted)
        if pacing.late:
            rest = max(rest, min(pacing.tail_seconds, owed * self._step))
        elif self._sent == 1 < owed and pacing.fixed_seconds is None:  # there is no pace yet that could be kept
            rest, waited = TAIL_SECONDS, now - self._sent_at
            least = MIN_TAIL_STEP_SECONDS if tokens >= DELTAS_WANTED else FAST_STEP_SECONDS
            self._step = min(self._step, max(least, pacing.lateness.safe_step, rest / owed, waited))
        self._until = now + rest
        self._schedule(min(self._due, max(now, self._sent_at + self._step), self._until))
        self._out = asyncio.get_running_loop().create_future()
        await self._out

    def _first_share(self, characters: int, now: float) -> int:
        """Returns how many of the characters to send at once. They have just arrived, and no other text is held."""
        if self._step:
            return max(1, round(characters * self._step / max(self._step, self._rhythm.next_at - now)))
        return characters if characters <= LARGE_DELTA_CHARACTERS else LARGE_DELTA_CHARACTERS // 4

    def _tick(self) -> None:
        now = self._alarms.time()
        self._pacing.lateness.rang(now - self._due)
        if self._out is None:
            self._plan(now)
            if now < self._sent_at + 0.9 * self._step:  # the step has become wider
                self._schedule(self._sent_at + self._step)
                return
        self._send_held(cut(self._held, self._at, max(1, round(self._share(now)))), now)
        self._leave()
        if self._at < len(self._held):
            # Not at a fixed grid: after a late delta, the next one would come too early.
            self._schedule(now + self._step)
        else:
            self.drop()
            if self._out is not None and not self._out.done():
                self._out.set_result(None)

    def _plan(self, now: float) -> None:
        """Plans the step again for each burst. It changes rarely, because evenness is scored."""
        rhythm = self._rhythm
        if self._planned_for == rhythm.burst_at:
            return
        self._planned_for, self._until = rhythm.burst_at, rhythm.next_at
        self._bursts.append((rhythm.burst_at, rhythm.all_characters - rhythm.characters))
        if self._pacing.fixed_seconds is not None:
            return
        if not self._step:
            self._step = self._first_step()
        elif self._pacing.too_narrow(self._step):
            self._step = max(self._step, self._pacing.step(fast=False))
        if self._step < MIN_CHARACTERS_A_DELTA * rhythm.seconds_a_character:
            self._step = min(MAX_SPARSE_STEP_SECONDS, 2 * rhythm.seconds_a_character)

    def _first_step(self, most: float = MAX_SPARSE_STEP_SECONDS) -> float:
        if self._rhythm.known:  # single deltas have arrived so far: keep their rate
            return max(self._pacing.step(fast=True), min(most, self._rhythm.seconds_a_delta))
        return self._pacing.step(fast=self._rhythm.characters > LARGE_BURST_CHARACTERS)

    def _share(self, now: float) -> float:
        """How many characters to send now, so that all are sent in time: those of the oldest burst even sooner."""
        left = len(self._held) - self._at
        share = left / self._ticks(now, self._until)
        sent = self._rhythm.all_characters - left
        while len(self._bursts) > 1 and self._bursts[1][1] <= sent:
            self._bursts.popleft()
        if len(self._bursts) > 1:
            oldest_until = self._bursts[0][0] + self._pacing.most_seconds
            share = max(share, (self._bursts[1][1] - sent) / self._ticks(now, oldest_until))
        return share

    def _ticks(self, now: float, until: float) -> int:
        """The number of deltas, including the current one, that can be sent until then."""
        return max(1, ceil((until - now) / self._step - 1e-6))

    def _schedule(self, due: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
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
