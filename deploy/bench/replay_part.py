"""Replay and verify as a part of `make bench`: deploy/bench/replay.py's figures beside their goals."""

from collections.abc import Iterator, Mapping

from deploy.bench.outcome import Conditions, Judged, Outcome
from deploy.bench.replay import COMMANDS, EVENTS_OF_AN_ORDER, SIZES, Took, marginal_cpu, measure_sizes, report, slope

PER_CORE, LINEAR, TO_PEER = 30_000, 1.1, 5
# What the peer does as well: the log is read back into aggregates.
FOLDS = ("replay --check", "replay --rebuild")


def part(conditions: Conditions) -> Outcome:
    """Raises StepError."""
    *smaller, largest = SIZES
    sizes = [*smaller, min(largest, round(conditions.orders * EVENTS_OF_AN_ORDER))]
    measured, peer = measure_sizes(conditions.server_url, sizes)
    return Outcome(
        title="Replay and verify",
        lines=["```", *report(measured, peer), "```"],
        judged=list(judge(measured[-2], measured[-1], peer)),
        figures={
            "eventsourcing": peer,
            "sizes": [{name: took._asdict() for name, took in at_size.items()} for at_size in measured],
        },
    )


def judge(smaller: Mapping[str, Took], larger: Mapping[str, Took], peer: float) -> Iterator[Judged]:
    """By what the larger log takes more. `peer` is what eventsourcing reads back, in events per second of its CPU."""
    for name in COMMANDS:
        rate = 1 / marginal_cpu(smaller, larger, name)
        yield judged(f"events/s of CPU: {name}", f"≥ {PER_CORE:,}", f"{rate:,.0f}", met=rate >= PER_CORE)
    for name in COMMANDS:
        power = slope(smaller, larger, name)
        yield judged(f"slope of time by events: {name}", f"≤ {LINEAR}", f"{power:.2f}", met=power <= LINEAR)
    for name in FOLDS:
        ratio = 1 / marginal_cpu(smaller, larger, name) / peer
        yield judged(f"events/s of CPU: {name} to eventsourcing", f"≥ {TO_PEER}", f"{ratio:.1f}", met=ratio >= TO_PEER)


def judged(goal: str, to_reach: str, figure: str, *, met: bool) -> Judged:
    return Judged(goal, to_reach, "", figure, "yes" if met else "no")
