"""The score of section 10 of CONTRACT.md, from the results of tasks, with confidence intervals.
Contract file: replaced by updates.

| Part | Weight | From |
| --- | --- | --- |
| quality | 40 | the mean grade of all kinds but pictures and long texts, each kind with the same weight |
| speed | 20 | half by the mean time to the first token, half by the deltas per second of long texts |
| cost | 15 | grade x min(2, baseline / tokens) / 2, the mean of all kinds |
| streaming | 15 | the evenness of long texts |
| modality | 10 | the mean grade of pictures in requests and in answers |

A part of which no task was measured is left out, and the others share its weight.
"""

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from ..checks.figures import FULL_DELTAS_PER_SECOND, FULL_TTFT_SECONDS, LONG_ANSWER_DELTAS, NO_TTFT_SECONDS, evenness
from .kinds import KINDS, STREAM
from .task import Answer, Grade, Json, Task

WEIGHTS = {"quality": 40, "speed": 20, "cost": 15, "streaming": 15, "modality": 10}
Z = 1.96  # 95 percent of a normal distribution
MAX_KEPT_TEXT, MAX_KEPT_TIMES = 4_000, 2_000


@dataclass(frozen=True)
class Result:
    """What a task earned. Times are in seconds. `not_measured` says why it does not count; it is empty if it does."""

    id: str
    kind: str
    points: float = 0.0
    why: str = ""
    first: float | None = None
    rate: float = 0.0  # content deltas per second
    even: float = 0.0  # 0 to 100
    deltas: int = 0
    tokens: int = 0
    written: int = 0  # tokens of the completion
    baseline: int = 0
    seconds: float = 0.0
    text: str = ""
    calls: list[Json] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    not_measured: str = ""

    @property
    def measured(self) -> bool:
        return not self.not_measured


def result(task: Task, answer: Answer, grade: Grade) -> Result:
    """The result of an answer with its grade."""
    spread = answer.times[-1] - answer.times[0] if len(answer.times) > 1 else 0.0
    return Result(
        task.id,
        task.kind,
        round(max(0.0, min(1.0, grade.points)), 4),
        answer.failure or grade.why,
        answer.first,
        (len(answer.times) - 1) / spread if spread > 0 else 0.0,
        evenness(answer.times),
        len(answer.times),
        answer.tokens,
        answer.written,
        task.baseline,
        answer.seconds,
        answer.text[:MAX_KEPT_TEXT],
        [asdict(call) for call in answer.calls],
        [round(at, 4) for at in answer.times[:MAX_KEPT_TIMES]],
    )


def parts(results: Sequence[Result]) -> dict[str, float]:
    """The parts of the score that were measured, each 0 to 100."""
    by_kind: dict[str, list[Result]] = {}
    for each in results:
        if each.measured:
            by_kind.setdefault(each.kind, []).append(each)
    found: dict[str, float] = {}
    for part in ("quality", "modality"):
        means = [_mean(each.points for each in of) for kind, of in by_kind.items() if KINDS[kind].counts == part]
        if means:
            found[part] = 100 * statistics.fmean(means)
    if by_kind:
        found["cost"] = 100 * statistics.fmean(_mean(map(cheapness, of)) for of in by_kind.values())
        found["speed"] = _speed([each for of in by_kind.values() for each in of], by_kind.get(STREAM, []))
    if STREAM in by_kind:
        found["streaming"] = _mean(each.even * min(1.0, each.deltas / LONG_ANSWER_DELTAS) for each in by_kind[STREAM])
    return {part: found[part] for part in WEIGHTS if part in found}


def cheapness(each: Result) -> float:
    """The cost score of one task, 0 to 1. An answer without usage gets none."""
    return each.points * min(2.0, each.baseline / each.tokens) / 2 if each.tokens else 0.0


def _speed(every: Sequence[Result], long: Sequence[Result]) -> float:
    ttft = _mean(NO_TTFT_SECONDS if each.first is None else each.first for each in every)
    early = max(0.0, min(1.0, (NO_TTFT_SECONDS - ttft) / (NO_TTFT_SECONDS - FULL_TTFT_SECONDS)))
    if not long:
        return 100 * early
    return 50 * early + 50 * min(1.0, _mean(each.rate for each in long) / FULL_DELTAS_PER_SECOND)


def composite(results: Sequence[Result]) -> float:
    """The whole score, 0 to 100; 0 if nothing was measured."""
    found = parts(results)
    weight = sum(WEIGHTS[part] for part in found)
    return sum(WEIGHTS[part] * value for part, value in found.items()) / weight if weight else 0.0


def of_kind(results: Sequence[Result], kind: str) -> list[Result]:
    return [each for each in results if each.kind == kind and each.measured]


def kind_mean(results: Sequence[Result]) -> float:
    """The mean grade, 0 to 100; of long texts, their evenness."""
    return _mean(each.even if each.kind == STREAM else 100 * each.points for each in results)


Figure = Callable[[Sequence[Any]], float]


def spread(items: Sequence[Any], kind_of: Callable[[Any], str], figure: Figure) -> float:
    """Half the width of the 95 percent interval of a figure, by leaving one item of each kind out (jackknife).

    Kinds are strata: the tasks of a kind vary, the kinds do not. A kind with one task adds nothing.
    """
    whole = list(items)
    places: dict[str, list[int]] = {}
    for place, each in enumerate(whole):
        places.setdefault(kind_of(each), []).append(place)
    variance = 0.0
    for of in places.values():
        if len(of) < 2:
            continue
        without = [figure(whole[:place] + whole[place + 1 :]) for place in of]
        mean = statistics.fmean(without)
        variance += (len(of) - 1) / len(of) * sum((each - mean) ** 2 for each in without)
    return Z * math.sqrt(variance)


def lost(results: Sequence[Result]) -> list[tuple[float, str]]:
    """Where points of the whole score are lost, the most first: points, and the kind or part."""
    found, measured = parts(results), [each for each in results if each.measured]
    weight = sum(WEIGHTS[part] for part in found) or 1
    losses: list[tuple[float, str]] = []
    for name in ("speed", "cost", "streaming"):
        if name in found:
            losses.append((WEIGHTS[name] * (100 - found[name]) / weight, name))
    for part in ("quality", "modality"):
        kinds = sorted({each.kind for each in measured if KINDS[each.kind].counts == part})
        losses += [
            (
                WEIGHTS[part] * (100 - kind_mean(of_kind(measured, kind))) / len(kinds) / weight,
                f"{part}: {KINDS[kind].about}",
            )
            for kind in kinds
        ]
    return sorted(((points, what) for points, what in losses if points >= 0.05), reverse=True)


def _mean(values: Any) -> float:
    found = list(values)
    return statistics.fmean(found) if found else 0.0
