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


class Measured(NamedTuple):
    """A sample for each round, by the contender's name. Rounds that were `disturbed` are not among them: others were
    measured in their place, at most as many as were planned.
    """

    samples: Samples
    disturbed: int


def measure(contenders: Sequence[Contender], plan: Plan, chance: random.Random) -> Measured:
    """Raises StepError when one did not do its work."""
    counts, batches = {}, {}
    for one in contenders:
        # The first warms it up, the second tells how much of it fills the time of a round.
        first, second = one.prepare(plan.warm_up // 2, 2)
        one.run(first)
        counts[one.name] = fill(plan, one.run(second).per_second)
        batches[one.name] = one.prepare(counts[one.name], plan.rounds)
    settle({database for one in contenders for database in one.databases})
    rounds: list[dict[str, Sample]] = []
    while True:
        batch = {name: prepared.pop(0) for name, prepared in batches.items()}
        ran = {one.name: one.run(batch[one.name]) for one in chance.sample(contenders, len(contenders))}
        rounds.append({one.name: ran[one.name] for one in contenders})
        quiet = undisturbed(rounds)
        if len(quiet) == plan.rounds:
            return Measured(by_name(quiet), len(rounds) - len(quiet))
        if len(rounds) == 2 * plan.rounds:
            return Measured(by_name(rounds), 0)
        if len(rounds) >= plan.rounds:
            batches = {one.name: one.prepare(counts[one.name], 1) for one in contenders}


def undisturbed(rounds: Sequence[Mapping[str, Sample]]) -> list[Mapping[str, Sample]]:
    """Those in which no anchor was less than half as fast as in its best."""
    best = {name: max(one[name].per_second for one in rounds) for name in ANCHORS if name in rounds[0]}
    return [one for one in rounds if all(one[name].per_second * NOISY >= rate for name, rate in best.items())]


def by_name(rounds: Sequence[Mapping[str, Sample]]) -> dict[str, list[Sample]]:
    return {name: [one[name] for one in rounds] for name in rounds[0]}


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
