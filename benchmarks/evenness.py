"""The contract's formula for evenness (section 10)."""

import itertools
import statistics
from collections.abc import Sequence

LONG_GAP = 3.0  # as a multiple of the mean gap
COST_OF_A_LONG_GAP = 0.1


def evenness(arrivals: Sequence[float]) -> float:
    """The evenness score, 0 to 100. `arrivals` are the times of one answer's content deltas, in any unit.

    `100 / (1 + CV) x max(0, 1 - 0.1 x gaps longer than 3x the mean)`, where CV is the standard deviation of the gaps
    divided by their mean. Fewer than two deltas have no gap, so they score 0.
    """
    gaps = [later - earlier for earlier, later in itertools.pairwise(arrivals)]
    mean = statistics.fmean(gaps) if gaps else 0.0
    if mean <= 0:
        return 0.0
    variation = statistics.pstdev(gaps, mean) / mean
    long_gaps = sum(gap > LONG_GAP * mean for gap in gaps)
    return 100 / (1 + variation) * max(0.0, 1 - COST_OF_A_LONG_GAP * long_gaps)
