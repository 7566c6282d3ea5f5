"""The webhook path at half of what it can do, for twenty minutes. Nothing may grow.

The shop runs in its production configuration. Three of four deliveries pay an order; the fourth tells again of one that
was paid some seconds before. The orders are made as it goes, shortly before they are paid, which costs PostgreSQL some
time beside what is measured.
"""

import asyncio
import random
import secrets
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import psycopg

from deploy import gunicorn
from deploy.bench.comparison import Plan, measure
from deploy.bench.contender import NUMBERS, refuse_unless_done
from deploy.bench.cpu import seconds_of_tree
from deploy.bench.goals import OURS
from deploy.bench.outcome import Conditions, Judged, Outcome
from deploy.bench.pacing import Answered, Schedule, send_on_schedule, sleep_until
from deploy.bench.report import heading, row
from deploy.bench.scratch import own_database
from deploy.bench.specimen import Specimen
from deploy.bench.subject import DELIVERED, PAID, Subject, running_subject
from deploy.bench.vitals import OBSERVER, Vitals, read_vitals, seconds_of_others

TO_FIND_THE_MOST = Plan(rounds=3, seconds=3, warm_up=160)
# Four quarters of three.
INTERVALS = 12
QUARTER = INTERVALS // 4
# Which delivery tells again of an order, and so many seconds after that was paid.
AGAIN_EVERY, AGAIN_AFTER = 4, 3
MADE_AHEAD = 5
HEADINGS = (
    "minutes",
    "deliveries/s",
    "p50, ms",
    "p99, ms",
    "CPU of web, ms",
    "RSS, MB",
    "PSS, MB",
    "open files",
    "connections",
    "kB per order",
    "dead rows",
    "HOT",
    "cores taken by others",
)
# In cores, from the second quarter to the last.
NOISY = 0.2
TOO_NOISY = "too noisy"


class Reading(NamedTuple):
    """`cpu`: seconds that web has used until then, `others` what is none of ours."""

    cpu: float
    others: float
    vitals: Vitals


class Interval(NamedTuple):
    """Milliseconds: `p50` and `p99` from when a delivery was due until its answer, `cpu` of a delivery in web. `hot`:
    updates of orders that touched no index, as a share of the deliveries that told again. `others`: how many cores were
    busy with something else.
    """

    minutes: float
    per_second: float
    p50: float
    p99: float
    cpu: float
    hot: float
    others: float
    vitals: Vitals

    @property
    def kilobytes(self) -> float:
        """Of the tables that a delivery writes to, with their indexes, for each order."""
        return self.vitals.stored.size / self.vitals.stored.orders / 1000

    @property
    def other_files(self) -> int:
        return self.vitals.descriptors - self.vitals.connections


class Soaked(NamedTuple):
    """`most`: deliveries per second over 8 connections that wait for nothing."""

    most: float
    per_second: float
    intervals: Sequence[Interval]

    @property
    def is_noisy(self) -> bool:
        """Times are those of a machine that does nothing else, or at least the same all the while."""
        before, after = self.intervals[QUARTER : 2 * QUARTER], self.intervals[-QUARTER:]
        return (
            abs(statistics.fmean(one.others for one in after) - statistics.fmean(one.others for one in before)) > NOISY
        )

    @property
    def judged(self) -> list[Judged]:
        judged = [limit.judge(self.intervals) for limit in LIMITS]
        return (
            [one if one.goal not in TIMES else one._replace(met=TOO_NOISY) for one in judged]
            if self.is_noisy
            else judged
        )

    @property
    def figures(self) -> dict[str, Any]:
        """Everything that was measured, for JSON."""
        intervals = [
            one._asdict() | {"vitals": one.vitals._asdict() | {"stored": one.vitals.stored._asdict()}}
            for one in self.intervals
        ]
        return {"most": self.most, "per_second": self.per_second, "noisy": self.is_noisy, "intervals": intervals}

    @property
    def lines(self) -> Iterator[str]:
        yield f"{self.per_second:.0f} deliveries/s, half of {self.most:.0f}, on a schedule: whatever is late has waited"
        yield ""
        yield from heading(HEADINGS)
        for one in self.intervals:
            vitals = one.vitals
            timing = (f"{one.minutes:g}", f"{one.per_second:.0f}", f"{one.p50:.1f}", f"{one.p99:.1f}", f"{one.cpu:.2f}")
            held = (f"{vitals.resident:.1f}", f"{vitals.share:.1f}", str(vitals.descriptors), str(vitals.connections))
            stored = (f"{one.kilobytes:.1f}", f"{vitals.stored.dead:.1%}", f"{one.hot:.0%}")
            yield row([*timing, *held, *stored, f"{one.others:.2f}"])


class Limit(NamedTuple):
    """What a figure of all intervals may be: at most the bound, or at least."""

    goal: str
    bound: float
    figure: Callable[[Sequence[Interval]], float]
    at_least: bool = False

    def judge(self, intervals: Sequence[Interval]) -> Judged:
        found = self.figure(intervals)
        met = found >= self.bound if self.at_least else found <= self.bound
        to_reach = f"{'≥' if self.at_least else '≤'} {self.bound:g}"
        return Judged(self.goal, to_reach, "", f"{round(found, 2) + 0.0:.2f}", "yes" if met else "no")


def last_to_second(figure: Callable[[Interval], float]) -> Callable[[Sequence[Interval]], float]:
    """The median of the last quarter as a ratio to that of the second: the first one warms up."""

    def ratio(intervals: Sequence[Interval]) -> float:
        values = [figure(one) for one in intervals]
        return statistics.median(values[-QUARTER:]) / statistics.median(values[QUARTER : 2 * QUARTER])

    return ratio


def growth_of_memory(intervals: Sequence[Interval]) -> float:
    """By the line through the last three quarters, over all of their time, as a share."""
    shares = [one.vitals.share for one in intervals[QUARTER:]]
    line = statistics.linear_regression(range(len(shares)), shares)
    return line.slope * (len(shares) - 1) / statistics.fmean(shares)


def connections_beyond_threads(intervals: Sequence[Interval]) -> float:
    return max(0, max(one.vitals.connections for one in intervals) - gunicorn.workers * gunicorn.threads)


def most_dead(intervals: Sequence[Interval]) -> float:
    """Autovacuum looks once a minute: at the beginning, a minute is half of all there is."""
    return max(one.vitals.stored.dead for one in intervals[2 * QUARTER :])


def mean_hot(intervals: Sequence[Interval]) -> float:
    return statistics.fmean(one.hot for one in intervals[QUARTER:])


TIMES = P50, CPU = "p50: last quarter to second", "CPU of web: last quarter to second"
LIMITS = (
    Limit("memory of a web worker (PSS): growth over the last three quarters", 0.03, growth_of_memory),
    Limit(P50, 1.25, last_to_second(lambda one: one.p50)),
    Limit(CPU, 1.10, last_to_second(lambda one: one.cpu)),
    Limit("connections to PostgreSQL, beyond one for each thread", 0, connections_beyond_threads),
    Limit("other open files of the workers: last quarter to second", 1, last_to_second(lambda one: one.other_files)),
    Limit("dead rows in the worst table, second half", 0.20, most_dead),
    Limit("tables and indexes, by order: last quarter to second", 1.05, last_to_second(lambda one: one.kilobytes)),
    Limit("orders told of again that touched no index (HOT)", 0.90, mean_hot, at_least=True),
)


class Workload:
    """So many deliveries, and which orders they need."""

    def __init__(self, subject: Subject, per_second: float, count: int) -> None:
        self._subject = subject
        self._earlier = round(per_second * AGAIN_AFTER)
        self.again = count // AGAIN_EVERY
        self.orders = NUMBERS.draw(count - self.again)

    def request(self, number: int) -> bytes:
        turn, place = divmod(number, AGAIN_EVERY)
        order = turn * (AGAIN_EVERY - 1) + place
        if place < AGAIN_EVERY - 1:
            return self._subject.delivery(self.orders[order])
        return self._subject.delivery_about(self.orders[max(order - 1 - self._earlier, 0)], number)


def part(conditions: Conditions) -> Outcome:
    """Raises StepError."""
    soaked = soak(conditions.server_url, conditions.minutes * 60)
    return Outcome(title="Soak", lines=list(soaked.lines), judged=soaked.judged, figures=soaked.figures)


def soak(server_url: str, seconds: float) -> Soaked:
    """Raises StepError when something was not answered, or an order was not paid."""
    with own_database(server_url) as database_url, running_subject(database_url) as subject:
        found = measure([subject.paying(OURS)], TO_FIND_THE_MOST, random.Random(secrets.randbits(32)))  # noqa: S311 there is one alone
        most = statistics.median(one.per_second for one in found.samples[OURS])
        count = max(int(most / 2 * seconds), INTERVALS * AGAIN_EVERY)
        workload = Workload(subject, most / 2, count)
        evidence = [subject.evidence(PAID), subject.evidence(DELIVERED)]
        before = [one.count() for one in evidence]
        answered, readings, schedule = asyncio.run(run(subject, workload, most / 2, count))
        refuse_unless_done(evidence[:1], before[:1], len(workload.orders))
        refuse_unless_done(evidence[1:], before[1:], count)
    return Soaked(most, schedule.per_second, list(by_interval(answered, readings, count / schedule.per_second)))


async def run(
    subject: Subject, workload: Workload, per_second: float, count: int
) -> tuple[list[Answered], list[Reading], Schedule]:
    schedule = Schedule(time.perf_counter() + MADE_AHEAD, per_second, count)
    answered, readings, _ = await asyncio.gather(
        send_on_schedule(subject.port, workload.request, schedule),
        observe(subject, schedule),
        make_orders(subject, workload.orders, schedule),
    )
    return answered, readings, schedule


async def observe(subject: Subject, schedule: Schedule) -> list[Reading]:
    """At the start, and at the end of each interval."""
    server, postmaster = subject.meter.processes
    readings = list[Reading]()
    for passed in range(INTERVALS + 1):
        await sleep_until(schedule.due(0) + passed * schedule.requests / schedule.per_second / INTERVALS)
        vitals = await asyncio.to_thread(read_vitals, server or 0, subject.database_url)
        readings.append(Reading(seconds_of_tree(server or 0), seconds_of_others(postmaster), vitals))
    return readings


async def make_orders(subject: Subject, numbers: range, schedule: Schedule) -> None:
    """Those of each second some seconds before."""
    of_a_second = max(round(schedule.per_second * (AGAIN_EVERY - 1) / AGAIN_EVERY), 1)
    with psycopg.connect(subject.database_url, application_name=OBSERVER) as connection:
        for second, first in enumerate(range(0, len(numbers), of_a_second)):
            await sleep_until(schedule.due(0) + second - MADE_AHEAD)
            await asyncio.to_thread(make, connection, subject.specimen, numbers[first : first + of_a_second])


def make(connection: psycopg.Connection[Any], specimen: Specimen, numbers: range) -> None:
    specimen.copy_rows(connection, numbers)
    connection.commit()


def by_interval(answered: Sequence[Answered], readings: Sequence[Reading], seconds: float) -> Iterator[Interval]:
    length = seconds / INTERVALS
    for passed, (before, after) in enumerate(pairwise(readings)):
        latencies = sorted(one.latency for one in answered if passed * length <= one.due < (passed + 1) * length)
        hot = after.vitals.stored.hot_updates - before.vitals.stored.hot_updates
        yield Interval(
            minutes=round((passed + 1) * length / 60, 2),
            per_second=len(latencies) / length,
            p50=latencies[len(latencies) // 2] * 1000,
            p99=latencies[len(latencies) * 99 // 100] * 1000,
            cpu=(after.cpu - before.cpu) / len(latencies) * 1000,
            hot=hot / (len(latencies) / AGAIN_EVERY),
            others=(after.others - before.others) / length,
            vitals=after.vitals,
        )
