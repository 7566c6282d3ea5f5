"""Times from placed to paid, as counts in buckets that each reach 5 % further than the one before.

So a summary of any number of orders is a short histogram, histograms add up, and a median read from them is off by
no more than half a bucket. Keys of a histogram are text, since JSON has no others: `{str(bucket): count}`.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from math import exp, log, log1p

GROWTH = log(1.05)


def bucket_of(seconds: float) -> int:
    """The bucket that a time falls into; a time below zero, by clocks that differ, counts as none."""
    return round(log1p(max(seconds, 0)) / GROWTH)


def seconds_of(bucket: int) -> float:
    """The time in the middle of a bucket."""
    return exp(bucket * GROWTH) - 1


def added(histograms: Iterable[Mapping[str, int]]) -> Counter[str]:
    total: Counter[str] = Counter()
    for histogram in histograms:
        total.update(histogram)
    return total


def median(histogram: Mapping[str, int]) -> float | None:
    """The middle time in seconds, the lower of two; None where nothing was counted."""
    counts = sorted((int(bucket), count) for bucket, count in histogram.items() if count > 0)
    below, half = 0, sum(count for _, count in counts) / 2
    for bucket, count in counts:
        below += count
        if below >= half:
            return seconds_of(bucket)
    return None
