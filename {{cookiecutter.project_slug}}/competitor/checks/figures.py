"""What the benchmark would make of it: the formulas of section 10 of CONTRACT.md, each figure with its reason.
Contract file: replaced by updates.

Quality and modality are judged by people and models; they have no figure here.
"""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from .target import PLAIN, Failed, NotShown, Stream, Target

LONG_GAP = 3.0  # times the mean
COST_OF_A_LONG_GAP = 0.1
LONG_ANSWER_DELTAS, QUICK_DELTAS = 200, 80
FULL_TTFT_SECONDS, NO_TTFT_SECONDS = 0.5, 5.0
FULL_DELTAS_A_SECOND = 30.0
CHARACTERS_A_TOKEN = 4
BURST_SECONDS = 0.001

QUESTIONS = ("Write a text of {words} words about rivers.", "What is 6 * 7?", PLAIN)
WORDS, QUICK_WORDS = 300, 90


@dataclass(frozen=True)
class Figure:
    """`score` is 0 to 100; `weight` is its share of the composite's hundred."""

    name: str
    score: float
    weight: int
    reason: str


def gaps(arrivals: Sequence[float]) -> list[float]:
    return [later - earlier for earlier, later in pairwise(arrivals)]


def evenness(arrivals: Sequence[float]) -> float:
    """0 to 100: `100/(1+CV) x max(0, 1 - 0.1 x gaps longer than 3x the mean)` of the times of content deltas."""
    between = gaps(arrivals)
    mean = statistics.fmean(between) if between else 0.0
    if mean <= 0:
        return 0.0
    variation = statistics.pstdev(between, mean) / mean
    long_gaps = sum(gap > LONG_GAP * mean for gap in between)
    return 100 / (1 + variation) * max(0.0, 1 - COST_OF_A_LONG_GAP * long_gaps)


def content_times(stream: Stream) -> list[float]:
    return [at for at, delta in stream.deltas if delta.get("content")]


def streaming(stream: Stream, wanted: int = LONG_ANSWER_DELTAS) -> Figure:
    """Of one long answer, of which so many deltas are wanted."""
    times = content_times(stream)
    between = gaps(times)
    if not between:
        return Figure("streaming", 0.0, 15, f"{len(times)} content deltas have no gap that could be even")
    mean = statistics.fmean(between)
    long_gaps = sum(gap > LONG_GAP * mean for gap in between)
    bursts = sum(gap < BURST_SECONDS for gap in between)
    variation = statistics.pstdev(between, mean) / mean if mean > 0 else 0.0
    said = [f"{len(times)} content deltas, {mean * 1000:.0f} ms apart on average, CV {variation:.2f}"]
    if long_gaps:
        said.append(f"{long_gaps} gaps are longer than three times that, and each costs a tenth")
    if bursts > len(between) / 10:
        said.append(f"{bursts} deltas came in one burst with the one before; spread them evenly")
    if len(times) < wanted:
        said.append(f"a long answer wants at least {wanted} deltas: send smaller pieces")
    return Figure("streaming", evenness(times), 15, "; ".join(said))


def speed(streams: Sequence[Stream]) -> Figure:
    """Half from the mean time to the first token, half from the long answer's deltas per second."""
    firsts = [stream.first_word if stream.first_word is not None else NO_TTFT_SECONDS for stream in streams]
    ttft = statistics.fmean(firsts)
    early = max(0.0, min(1.0, (NO_TTFT_SECONDS - ttft) / (NO_TTFT_SECONDS - FULL_TTFT_SECONDS)))
    times = content_times(streams[0])
    rate = (len(times) - 1) / (times[-1] - times[0]) if len(times) > 1 and times[-1] > times[0] else 0.0
    quick = min(1.0, rate / FULL_DELTAS_A_SECOND)
    said = (
        f"first token after {ttft * 1000:.0f} ms on average (500 ms is full, 5 s nothing); "
        f"{rate:.0f} content deltas a second (30 is full)"
    )
    return Figure("speed", 50 * early + 50 * quick, 20, said)


def cost(asked: Sequence[str], streams: Sequence[Stream]) -> Figure:
    """For full quality, against a baseline that has no prompt but the question and says as much."""
    usages = [stream.usages[-1] if stream.usages else {} for stream in streams]
    totals = sum(int(usage.get("total_tokens") or 0) for usage in usages)
    if not totals:
        return Figure("cost", 0.0, 15, "no usage came, so nothing can be scored")
    completions = sum(int(usage.get("completion_tokens") or 0) for usage in usages)
    questions = sum(-(-len(question) // CHARACTERS_A_TOKEN) for question in asked)
    score = 50 * min(2.0, (questions + completions) / totals)
    extra = max(0, totals - completions - questions)
    said = (
        f"{totals} tokens for {len(streams)} answers, {extra} of them prompt beyond the questions; 50 is par with a "
        "baseline that says as much without a prompt of its own; half its tokens would be 100"
    )
    return Figure("cost", score, 15, said)


def measured(target: Target, *, quick: bool = False) -> list[Figure]:
    """Asks the benchmark's kind of questions, one after the other, and scores the answers."""
    asked = [question.format(words=QUICK_WORDS if quick else WORDS) for question in QUESTIONS]
    try:
        streams = [target.stream(question) for question in asked]
        wanted = QUICK_DELTAS if quick else LONG_ANSWER_DELTAS
        return [streaming(streams[0], wanted), speed(streams), cost(asked, streams)]
    except (Failed, NotShown) as reason:
        return [Figure("streaming", 0.0, 15, str(reason))]
    except Exception as error:  # noqa: BLE001 - a server may send any shape
        return [Figure("streaming", 0.0, 15, f"what came has a shape that could not be read ({type(error).__name__})")]


def told(figures: Sequence[Figure]) -> str:
    """As lines of a leaderboard."""
    return "".join(
        f"  {figure.name:<10} {figure.score:5.1f} of 100, weight {figure.weight:>2}  {figure.reason}\n"
        for figure in figures
    )
