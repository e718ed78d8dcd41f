"""Confidence intervals of a mean, by Student's t; also for several intervals that must hold at the same time."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

PROBABILITY = 0.95


@dataclass(frozen=True)
class Interval:
    mean: float
    low: float
    high: float


def interval(values: Sequence[float], together: int = 1) -> Interval:
    """The mean of independent values and its 95 % confidence interval.

    `together` is the number of intervals that must all hold at once with a probability of 95 %. Bonferroni's
    inequality says how much wider each interval must be.
    """
    mean = statistics.fmean(values)
    t = student(1 - (1 - PROBABILITY) / together, len(values) - 1)
    half = t * statistics.stdev(values) / math.sqrt(len(values))
    return Interval(mean, mean - half, mean + half)


def student(probability: float, freedom: int) -> float:
    """The value t such that a share `probability` of Student's distribution lies between -t and t.

    `freedom` is the number of degrees of freedom.
    """
    low, high = 0.0, 1.0
    while within(high, freedom) < probability:
        high *= 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if within(middle, freedom) < probability else (low, middle)
    return high


def within(t: float, freedom: int) -> float:
    """The share of Student's distribution that lies between -t and t (Abramowitz and Stegun, 26.7.3 and 26.7.4)."""
    angle, odd = math.atan(t / math.sqrt(freedom)), freedom % 2
    sine, cosine = math.sin(angle), math.cos(angle)
    total, term = 0.0, cosine if odd else 1.0
    for number in range(1, freedom // 2 + 1):
        total += term
        term *= cosine**2 * (2 * number / (2 * number + 1) if odd else (2 * number - 1) / (2 * number))
    return 2 / math.pi * (angle + sine * total) if odd else sine * total
