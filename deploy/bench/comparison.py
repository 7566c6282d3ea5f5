"""Contenders in turn, in another order each round; what comes of it is compared within a round, never across."""

import random
import statistics
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import psycopg

from deploy.bench.contender import Contender, Sample
from deploy.bench.load import CONNECTIONS

# Of the fastest and the slowest round of one that does always the same: above it the machine did something else too.
NOISY = 2.0
ANCHORS = ("empty view", "pgbench, six statements")
UNITS = {"per_second": "deliveries/s", "p50": "p50, ms", "p99": "p99, ms", "cpu": "CPU, ms"}


class Plan(NamedTuple):
    """`seconds` is about how long a contender runs in a round; `warm_up` counts deliveries."""

    rounds: int
    seconds: float
    warm_up: int


class Spread(NamedTuple):
    """The middle one of several values, and the ends."""

    median: float
    lowest: float
    highest: float


Samples = Mapping[str, Sequence[Sample]]


def measure(contenders: Sequence[Contender], plan: Plan, chance: random.Random) -> dict[str, list[Sample]]:
    """A sample for each round, by the contender's name. Raises StepError when one did not do its work."""
    batches = {}
    for one in contenders:
        # The first warms it up, the second tells how much of it fills the time of a round.
        first, second = one.prepare(plan.warm_up // 2, 2)
        one.run(first)
        batches[one.name] = one.prepare(fill(plan, one.run(second).per_second), plan.rounds)
    settle({database for one in contenders for database in one.databases})
    samples: dict[str, list[Sample]] = {one.name: [] for one in contenders}
    for turn in range(plan.rounds):
        for one in chance.sample(contenders, len(contenders)):
            samples[one.name].append(one.run(batches[one.name][turn]))
    return samples


def fill(plan: Plan, per_second: float) -> int:
    """How many deliveries fill a round, as a multiple of the connections."""
    return max(round(per_second * plan.seconds / CONNECTIONS), 2) * CONNECTIONS


def settle(databases: set[str]) -> None:
    """What PostgreSQL would do in the background after so many rows, done before anything is measured."""
    for database_url in databases:
        with psycopg.connect(database_url, autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")
            connection.execute("CHECKPOINT")


def spread_of(values: Sequence[float]) -> Spread:
    return Spread(statistics.median(values), min(values), max(values))


def values_of(samples: Samples, name: str, figure: str) -> list[float] | None:
    """None: it is not known of this contender, or it was not measured."""
    values = [getattr(sample, figure) for sample in samples.get(name, ())]
    return values if values and None not in values else None


def ratios(samples: Samples, figure: str, name: str, other: str) -> list[float] | None:
    """Of a figure of one contender to that of another in the same round."""
    ours, theirs = values_of(samples, name, figure), values_of(samples, other, figure)
    if ours is None or theirs is None or min(theirs) <= 0:
        return None
    return [mine / its for mine, its in zip(ours, theirs, strict=True)]


def noise(samples: Samples) -> dict[str, float]:
    """The anchors whose rounds lie too far apart, and how far."""
    found = {}
    for name in ANCHORS:
        rates = values_of(samples, name, "per_second")
        if rates and max(rates) > NOISY * min(rates):
            found[name] = max(rates) / min(rates)
    return found
