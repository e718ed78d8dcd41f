"""Estimates the benchmark's scores with the formulas in section 10 of CONTRACT.md, and gives a reason for each.
Contract file: replaced by updates.

Quality and modality are not estimated here: `competitor eval` measures them.
"""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from .responses import Failed, NotShown, Stream
from .target import PLAIN, Target

LONG_GAP = 3.0  # as a multiple of the mean gap
COST_OF_A_LONG_GAP = 0.1  # fraction of the score
LONG_ANSWER_DELTAS, QUICK_DELTAS = 200, 50  # minimum content deltas of a long answer
FULL_TTFT_SECONDS, NO_TTFT_SECONDS = 0.5, 5.0
FULL_DELTAS_PER_SECOND = 30.0
CHARACTERS_PER_TOKEN = 4
BURST_SECONDS = 0.001  # deltas closer together than this are one burst

QUESTIONS = ("Write a text of {words} words about rivers.", "What is 6 * 7?", PLAIN)
WORDS, QUICK_WORDS = 300, 60  # length of the long answer, in words


@dataclass(frozen=True)
class Figure:
    """A score from 0 to 100, and its `weight`: its share of the total score, in percent."""

    name: str
    score: float
    weight: int
    reason: str


def gaps(arrivals: Sequence[float]) -> list[float]:
    """The times between arrivals, in seconds."""
    return [later - earlier for earlier, later in pairwise(arrivals)]


def evenness(arrivals: Sequence[float]) -> float:
    """The evenness score, 0 to 100: `100/(1+CV) x max(0, 1 - 0.1 x gaps longer than 3x the mean)`.

    `arrivals` are the times of content deltas in seconds; CV is the coefficient of variation of their gaps.
    """
    between = gaps(arrivals)
    mean = statistics.fmean(between) if between else 0.0
    if mean <= 0:
        return 0.0
    variation = statistics.pstdev(between, mean) / mean
    long_gaps = sum(gap > LONG_GAP * mean for gap in between)
    return 100 / (1 + variation) * max(0.0, 1 - COST_OF_A_LONG_GAP * long_gaps)


def content_times(stream: Stream) -> list[float]:
    """The arrival time of each content delta, in seconds after the request."""
    return [at for at, delta in stream.deltas if delta.get("content")]


def streaming(stream: Stream, wanted: int = LONG_ANSWER_DELTAS) -> Figure:
    """The streaming score of one long answer. `wanted` is the minimum number of content deltas."""
    times = content_times(stream)
    between = gaps(times)
    if not between:
        reason = f"there are {len(times)} content deltas, so there is no gap between two of them"
        return Figure("streaming", 0.0, 15, reason)
    mean = statistics.fmean(between)
    long_gaps = sum(gap > LONG_GAP * mean for gap in between)
    bursts = sum(gap < BURST_SECONDS for gap in between)
    variation = statistics.pstdev(between, mean) / mean if mean > 0 else 0.0
    reasons = [f"{len(times)} content deltas, {mean * 1000:.0f} ms apart on average, CV {variation:.2f}"]
    if long_gaps:
        reasons.append(f"{long_gaps} gaps are longer than three times the average, and each costs a tenth of the score")
    if bursts > len(between) / 10:
        reasons.append(f"{bursts} deltas came at the same time as the previous delta: spread them evenly")
    if len(times) < wanted:
        reasons.append(f"a long answer needs at least {wanted} deltas: send smaller pieces")
    return Figure("streaming", evenness(times), 15, "; ".join(reasons))


def speed(streams: Sequence[Stream]) -> Figure:
    """The speed score: half for the mean time to the first token, half for the long answer's deltas per second.

    The first of the streams is the long answer.
    """
    firsts = [stream.first_word if stream.first_word is not None else NO_TTFT_SECONDS for stream in streams]
    ttft = statistics.fmean(firsts)
    early = max(0.0, min(1.0, (NO_TTFT_SECONDS - ttft) / (NO_TTFT_SECONDS - FULL_TTFT_SECONDS)))
    times = content_times(streams[0])
    rate = (len(times) - 1) / (times[-1] - times[0]) if len(times) > 1 and times[-1] > times[0] else 0.0
    quick = min(1.0, rate / FULL_DELTAS_PER_SECOND)
    reason = (
        f"first token after {ttft * 1000:.0f} ms on average (500 ms gets full points, 5 s none); "
        f"{rate:.0f} content deltas per second (30 gets full points)"
    )
    return Figure("speed", 50 * early + 50 * quick, 20, reason)


def cost(asked: Sequence[str], streams: Sequence[Stream]) -> Figure:
    """The cost score. It assumes full quality, and a baseline that gives equally long answers and adds no prompt.

    `asked` are the questions and `streams` their answers.
    """
    usages = [stream.usages[-1] if stream.usages else {} for stream in streams]
    totals = sum(int(usage.get("total_tokens") or 0) for usage in usages)
    if not totals:
        return Figure("cost", 0.0, 15, "the answers have no usage, so the cost cannot be scored")
    completions = sum(int(usage.get("completion_tokens") or 0) for usage in usages)
    questions = sum(-(-len(question) // CHARACTERS_PER_TOKEN) for question in asked)
    score = 50 * min(2.0, (questions + completions) / totals)
    extra = max(0, totals - completions - questions)
    reason = (
        f"{totals} tokens for {len(streams)} answers; {extra} of the tokens are in prompts that the server added. A "
        "server that adds no prompts gets a score of 50; one that uses half as many tokens gets 100"
    )
    return Figure("cost", score, 15, reason)


def measure(target: Target, *, quick: bool = False) -> list[Figure]:
    """Asks questions like the benchmark's, one after the other, and scores the answers."""
    asked = [question.format(words=QUICK_WORDS if quick else WORDS) for question in QUESTIONS]
    try:
        streams = [target.stream(question) for question in asked]
        wanted = QUICK_DELTAS if quick else LONG_ANSWER_DELTAS
        return [streaming(streams[0], wanted), speed(streams), cost(asked, streams)]
    except (Failed, NotShown) as reason:
        return [Figure("streaming", 0.0, 15, str(reason))]
    except Exception as error:  # noqa: BLE001 - a server may send anything
        return [Figure("streaming", 0.0, 15, f"the answers have an unknown format ({type(error).__name__})")]


def as_lines(figures: Sequence[Figure]) -> str:
    """Formats the figures as text, one on each line."""
    line = "  {0.name:<10} {0.score:5.1f} of 100, weight {0.weight:>2}  {0.reason}\n"
    return "".join(map(line.format, figures))
