"""Delays as a histogram of logarithmic buckets: a median within 5 % of the true one, however many there were."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping

RATIO = 1.09  # of a bucket's bounds; its middle is within 4.4 % of all that is in it


def bucket_of(seconds: float) -> int:
    """0 below a second, then 1, 2, 3 … of bounds that grow by RATIO."""
    return 0 if seconds < 1 else 1 + int(math.log(seconds) / math.log(RATIO))


def seconds_of(bucket: int) -> float:
    """The middle of a bucket."""
    return 0.5 if bucket == 0 else math.pow(RATIO, bucket - 0.5)


def added(histograms: Iterable[Mapping[str, int]]) -> Counter[str]:
    total: Counter[str] = Counter()
    for histogram in histograms:
        total.update(histogram)
    return total


def median(delays: Mapping[str, int]) -> float | None:
    """In seconds, of counts by bucket (a key is its number as text); None where there are none."""
    counts = sorted((int(bucket), count) for bucket, count in delays.items())
    total = sum(count for _, count in counts)
    if not total:
        return None
    lower, upper = element_at(counts, (total - 1) // 2), element_at(counts, total // 2)
    return (seconds_of(lower) + seconds_of(upper)) / 2


def element_at(counts: list[tuple[int, int]], place: int) -> int:
    """The bucket of the delay that would stand at this place, from 0, were all of them written out."""
    for bucket, count in counts:
        if place < count:
            return bucket
        place -= count
    raise IndexError
