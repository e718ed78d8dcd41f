"""Tests pacing in virtual time: text stays complete and in order, and is sent evenly and not too late."""

import asyncio
import heapq
import itertools
import math
import random
import statistics
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.evenness import evenness
from competitor.core.stream.graphemes import cut
from competitor.core.stream.pacing import MAX_SPACING_SECONDS, TAIL_SECONDS, Pacer, Pacing

MAX_SECONDS = 1.5
GRID_SECONDS = 0.001  # an event loop's own timers have a resolution of a millisecond; `Timers` has a finer one
READ_SECONDS = 1e-5  # the time between two deltas of one read, as a client would measure it

Arrival = tuple[float, list[str]]  # the time, and the deltas that arrive together


class VirtualLoop:
    """An event loop whose time moves only when the test moves it."""

    def __init__(self) -> None:
        self.now, self._count = 0.0, itertools.count()
        self._timers: list[tuple[float, int, _Timer]] = []

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, callback: Callable[[], None]) -> "_Timer":
        due = max(self.now, math.ceil(when / GRID_SECONDS - 1e-6) * GRID_SECONDS)
        timer = _Timer(callback)
        heapq.heappush(self._timers, (due, next(self._count), timer))
        return timer

    def run_until(self, when: float) -> None:
        while self._timers and self._timers[0][0] <= when:
            self.now, _, timer = heapq.heappop(self._timers)
            if not timer.cancelled:
                timer.callback()
        self.now = max(self.now, when)


@dataclass
class _Timer:
    callback: Callable[[], None]
    cancelled: bool = False

    def cancel(self) -> None:
        self.cancelled = True


@dataclass
class Paced:
    """The deltas that were sent, and their times."""

    deltas: list[tuple[float, str]] = field(default_factory=list)
    ended_at: float = 0.0
    upstream_ended_at: float = 0.0

    @property
    def times(self) -> list[float]:
        return [at for at, _ in self.deltas]

    @property
    def text(self) -> str:
        return "".join(text for _, text in self.deltas)


def paced(arrivals: list[Arrival], pacing: Pacing | None = None) -> Paced:
    async def run() -> Paced:
        loop, found = VirtualLoop(), Paced()
        shared = pacing or Pacing(None, MAX_SECONDS)
        pacer = Pacer(shared, lambda text: found.deltas.append((loop.now, text)), lambda: None, loop)
        for at, deltas in arrivals:
            loop.run_until(at)
            for delta in deltas:
                pacer.text(delta)
        found.upstream_ended_at = loop.now
        ending = asyncio.ensure_future(pacer.end())
        await asyncio.sleep(0)
        loop.run_until(loop.now + 10)
        await ending
        found.ended_at = found.times[-1] if found.deltas else loop.now
        assert shared.holding == 0
        return found

    return asyncio.run(run())


def bursts(size: int, seconds: float, total: int = 450) -> list[Arrival]:
    counts = [min(size, total - start) for start in range(0, total, size)]
    return [(number * seconds, ["word "] * count) for number, count in enumerate(counts)]


def speculative(total: int = 450) -> list[Arrival]:
    chance, left = random.Random(7), total
    arrivals: list[Arrival] = []
    for step in itertools.count():
        if not left:
            return arrivals
        count = min(chance.randint(1, 5), left)
        arrivals.append((step * 0.04, ["word "] * count))
        left -= count
    raise AssertionError


def jittered(total: int = 450) -> list[Arrival]:
    chance, now, arrivals = random.Random(7), 0.0, []
    for _ in range(total):
        arrivals.append((now, ["word "]))
        now += chance.uniform(0.005, 0.035)
    return arrivals


PATTERNS = {
    "steady, 50 a second": bursts(1, 0.02),
    "steady, 500 a second": bursts(1, 0.002),
    "bursts of 2, each 0.04 s": bursts(2, 0.04),
    "bursts of 5, each 0.1 s": bursts(5, 0.1),
    "bursts of 20, each 0.2 s": bursts(20, 0.2),
    "bursts of 20, each 0.5 s": bursts(20, 0.5),
    "bursts of 50, each 0.5 s": bursts(50, 0.5),
    "bursts of 100, each 1 s": bursts(100, 1.0),
    "bursts of 90, each 0.2 s": bursts(90, 0.2),
    "bursts of 90, each 0.5 s": bursts(90, 0.5),
    "bursts of 90, each 1 s": bursts(90, 1.0),
    "speculative decoding": speculative(),
    "intervals of 5 to 35 ms": jittered(),
    "one delta with all the text": [(0.0, ["word " * 450])],
}


def unpaced_times(arrivals: list[Arrival]) -> list[float]:
    return [at + number * READ_SECONDS for at, deltas in arrivals for number, _ in enumerate(deltas)]


@pytest.mark.parametrize("seconds", [0.2, 0.5, 1.0])
def test_bursts_of_90_are_sent_evenly(seconds: float) -> None:
    """The project's goal is a score of at least 90 for each of the three intervals."""
    assert evenness(paced(bursts(90, seconds)).times) >= 90


@pytest.mark.parametrize("name", PATTERNS)
def test_no_pattern_becomes_less_even(name: str) -> None:
    arrivals = PATTERNS[name]
    assert evenness(paced(arrivals).times) >= evenness(unpaced_times(arrivals)) - 0.5


@pytest.mark.parametrize("name", PATTERNS)
def test_a_long_answer_keeps_200_deltas(name: str) -> None:
    came = sum(len(deltas) for _, deltas in PATTERNS[name])
    assert len(paced(PATTERNS[name]).deltas) >= min(200, came)


def test_a_whole_answer_in_one_burst_keeps_200_deltas_too() -> None:
    assert len(paced([(0.0, ["word "] * 450)]).deltas) >= 200


@pytest.mark.parametrize("name", PATTERNS)
def test_the_remaining_text_is_sent_within_150_ms_of_the_end(name: str) -> None:
    found = paced(PATTERNS[name])
    assert found.ended_at - found.upstream_ended_at <= TAIL_SECONDS + GRID_SECONDS


@pytest.mark.parametrize("seconds", [0.2, 0.5, 1.0])
def test_once_the_interval_is_known_text_is_not_held_for_longer(seconds: float) -> None:
    arrivals = bursts(90, seconds, total=90 * 6)
    came_at = [at for at, deltas in arrivals for delta in deltas for _ in delta]
    place = 0
    for left_at, text in paced(arrivals).deltas:
        if came_at[place] >= 2 * seconds:
            assert left_at - came_at[place] <= seconds + GRID_SECONDS
        place += len(text)


def test_an_even_stream_is_not_changed() -> None:
    arrivals = bursts(1, 0.02, total=50)
    found = paced(arrivals)
    assert found.times == pytest.approx([at for at, _ in arrivals])
    assert [text for _, text in found.deltas] == ["word "] * 50


def test_the_first_piece_does_not_wait() -> None:
    assert paced(bursts(90, 0.5)).times[0] == 0.0


def test_a_fixed_pace_is_kept() -> None:
    times = paced(bursts(90, 0.5), Pacing(1 / 50, MAX_SECONDS)).times[:-10]
    gaps = [after - before for before, after in itertools.pairwise(times)]
    assert all(0.019 <= gap <= 0.041 for gap in gaps)
    assert statistics.median(gaps) == pytest.approx(0.02)


def test_with_many_streams_each_gets_fewer_deltas() -> None:
    few, many = Pacing(None, MAX_SECONDS), Pacing(None, MAX_SECONDS, holding=2000)
    single = paced(bursts(90, 1.0), few)
    many_pacer_deltas: list[str] = []
    loop = VirtualLoop()
    pacer = Pacer(many, many_pacer_deltas.append, lambda: None, loop)
    for at, deltas in bursts(90, 1.0):
        loop.run_until(at)
        for delta in deltas:
            pacer.text(delta)
    loop.run_until(10)
    assert len(many_pacer_deltas) <= 5.5 / MAX_SPACING_SECONDS < len(single.deltas) / 4
    assert "".join(many_pacer_deltas) == "word " * 450


def test_a_later_event_does_not_overtake_the_text() -> None:
    loop = VirtualLoop()
    left: list[str] = []
    pacer = Pacer(Pacing(None, MAX_SECONDS), left.append, lambda: None, loop)
    for _ in range(20):
        pacer.text("word ")
    pacer.flush()
    assert "".join(left) == "word " * 20


def test_a_flood_is_not_held() -> None:
    found = paced([(0.0, ["x" * 16_000] * 40)])
    assert found.text == "x" * 640_000
    assert max(len(text) for _, text in found.deltas) <= 16 * 1024


@pytest.mark.parametrize("count", [1, 3, 4])
def test_no_delta_is_too_long_for_a_client(count: int) -> None:
    """Even text that must be sent soon is split, into deltas of up to 16 KiB. Some clients fail at lines of 512 KiB."""
    found = paced([(0.0, ["x" * 16_000] * count), (0.3, ["y" * 16_000] * count)])
    assert max(len(text) for _, text in found.deltas) <= 16 * 1024


texts = st.text(
    st.one_of(
        st.characters(codec="utf-8"), st.sampled_from("ae \r\n\u0301\u200d\U0001f1e9\U0001f1ea\U0001f469\U0001f3fd")
    ),
    min_size=1,
    max_size=60,
)
arrival_lists = st.lists(
    st.tuples(st.floats(0, 3, allow_nan=False), st.lists(texts, min_size=1, max_size=30)), min_size=1, max_size=12
)
pacings = st.sampled_from([None, 1 / 250, 1 / 30, 1.0])


def boundaries(text: str, start: int) -> set[int]:
    return {found.end() for found in regex.finditer(r"\X", text[start:])} | {0}


@settings(deadline=None, max_examples=300)
@given(arrival_lists, pacings)
def test_no_character_is_lost_reordered_or_split_whatever_arrives_and_when(
    arrivals: list[Arrival], fixed: float | None
) -> None:
    now, timed = 0.0, []
    for gap, deltas in arrivals:
        now += gap
        timed.append((now, deltas))
    found = paced(timed, Pacing(fixed, MAX_SECONDS))
    whole = "".join(delta for _, deltas in timed for delta in deltas)
    assert found.text == whole
    came = [0, *itertools.accumulate(len(delta) for _, deltas in timed for delta in deltas)]
    cuts = list(itertools.accumulate(len(text) for _, text in found.deltas))
    for place in set(cuts) - set(came):  # cuts made by pacing must be at the end of a character
        starts = [start for start in came if start < place]
        assert any(place - start in boundaries(whole, start) for start in starts)


@settings(deadline=None)
@given(texts, st.integers(1, 80))
def test_a_cut_is_at_the_end_of_a_character(text: str, wanted: int) -> None:
    end = cut(text, 0, wanted)
    assert 0 < end <= len(text)
    assert end in boundaries(text, 0)


def test_a_long_piece_ends_after_a_word() -> None:
    assert cut("every good boy does fine", 0, 8) == len("every good ")
    assert cut("abc", 0, 2) == 2
    assert cut("a\r\nb", 0, 2) == 3
