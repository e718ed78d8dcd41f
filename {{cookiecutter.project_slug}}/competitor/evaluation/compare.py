"""Compares two evaluations of the same tasks, task by task.
Contract file: replaced by updates.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from .score import Figure, Result, composite, kind_mean, parts, spread

# A smaller difference is none, even if it is certain: the clock of a shared machine moves the score as much.
SMALLEST = 0.5
Pair = tuple[Result, Result]


@dataclass(frozen=True)
class Difference:
    """How much larger a figure of the second run is, with half the width of its 95 percent interval."""

    name: str
    before: float
    after: float
    half: float

    @property
    def change(self) -> float:
        return self.after - self.before

    @property
    def verdict(self) -> str:
        """`better`, `worse` or `no difference`."""
        if abs(self.change) <= max(self.half, SMALLEST):
            return "no difference"
        return "better" if self.change > 0 else "worse"

    @property
    def words(self) -> str:
        low, high = self.change - self.half, self.change + self.half
        if self.verdict == "no difference":
            return f"no difference ({self.change:+.1f}, 95 % {low:.1f} to {high:.1f})"
        low, high = (low, high) if self.change > 0 else (-high, -low)
        return f"{self.verdict} by {abs(self.change):.1f}, 95 % {low:.1f} to {high:.1f}"


def pairs(before: Sequence[Result], after: Sequence[Result]) -> list[Pair]:
    """The results of the tasks that both runs measured."""
    other = {each.id: each for each in after if each.measured}
    return [(each, other[each.id]) for each in before if each.measured and each.id in other]


def differences(both: Sequence[Pair]) -> list[Difference]:
    """The difference of the whole score, then those of its parts, then those of the kinds."""
    before = [each for each, _ in both]
    found = [difference("score", both, composite)]
    found += [difference(part, both, partial(_part, part)) for part in parts(before)]
    for kind in dict.fromkeys(each.kind for each in before):
        of = [pair for pair in both if pair[0].kind == kind]
        found.append(difference(kind, of, kind_mean))
    return found


def _part(name: str, results: Sequence[Result]) -> float:
    return parts(results).get(name, 0.0)


def difference(name: str, both: Sequence[Pair], figure: Figure) -> Difference:
    """The difference of one figure, such as `composite`."""

    def change(some: Sequence[Pair]) -> float:
        return figure([other for _, other in some]) - figure([each for each, _ in some])

    half = spread(both, lambda pair: str(pair[0].kind), change)
    return Difference(name, figure([each for each, _ in both]), figure([other for _, other in both]), half)
