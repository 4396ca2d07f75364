"""The median of a few measurements, and how far to trust it.

Ratios of interleaved pairs are neither normal nor free of outliers: a neighbour wakes up, and one
pair is off by a half. The median does not mind, and its interval follows from counting alone: each
value lies below the true median with probability 1/2, so the number that do is binomial, and two
order statistics enclose the median with a probability that needs no assumption about the noise.
"""

from dataclasses import dataclass
from math import comb

CONFIDENCE = 0.95
FEWEST_FOR_INTERVAL = 6  # 2 * (1/2)^5 = 6 %: five values cannot give 95 %


@dataclass(frozen=True)
class Estimate:
    median: float
    low: float
    high: float

    def __str__(self):
        return f"{self.median:.2f} [{self.low:.2f}, {self.high:.2f}]"


def median(values):
    if not values:
        raise ValueError("the median of nothing")
    ordered = sorted(values)
    middle = len(ordered) // 2
    if len(ordered) % 2 == 1:
        return ordered[middle]
    return (ordered[middle - 1] + ordered[middle]) / 2


def interval_rank(count, confidence=CONFIDENCE):
    """The r for which the r-th smallest and r-th largest of @count values enclose the median with
    at least @confidence; 1 (all values) when @count is too small for that."""
    tail = 0.0
    for rank in range(1, count // 2 + 1):
        tail += comb(count, rank - 1) / 2**count
        if 2 * tail > 1 - confidence:
            return max(rank - 1, 1)
    return max(count // 2, 1)


def estimate(values, confidence=CONFIDENCE):
    ordered = sorted(values)
    rank = interval_rank(len(ordered), confidence)
    return Estimate(median(ordered), ordered[rank - 1], ordered[-rank])


def is_met(ratio, at_most=None, at_least=None):
    """A bound is met when the interval reaches it."""
    if at_most is not None:
        return ratio.low <= at_most
    return ratio.high >= at_least
