"""What a soak makes of what it measures, and what its schedule counts as waiting."""

import asyncio
import time
from collections.abc import Sequence

import pytest

from deploy.bench.load import CONNECTIONS
from deploy.bench.pacing import Answered, Schedule, send_on_schedule
from deploy.bench.soak import INTERVALS, LIMITS, Interval, Reading, Soaked, by_interval
from deploy.bench.vitals import Stored, Vitals

STORED = Stored(size=14_000_000, dead=0.1, updates=1000, hot_updates=500, orders=1000)
VITALS = Vitals(resident=95, share=67, descriptors=44, connections=8, stored=STORED)
INTERVAL = Interval(minutes=1, per_second=50, p50=10, p99=20, cpu=4, hot=1, others=0, vitals=VITALS)
KINDS = (Stored, Vitals, Interval)


def interval(**changed: float) -> Interval:
    """What is changed of the above, by the names of all three."""
    stored, held, own = ({name: changed[name] for name in changed if name in kind._fields} for kind in KINDS)
    vitals = VITALS._replace(stored=STORED._replace(**stored), **held)  # type: ignore[arg-type] # as _replace has it
    return INTERVAL._replace(vitals=vitals, **own)


def judged(of_intervals: Sequence[Interval]) -> list[str]:
    return [one.met for one in Soaked(100, 50, of_intervals).judged]


class TestASoak:
    def test_meets_its_goals_where_nothing_grows(self) -> None:
        assert judged([interval()] * INTERVALS) == ["yes"] * len(LIMITS)

    @pytest.mark.parametrize(
        ("figure", "to", "goal"),
        [
            ("share", 75, "memory of a web worker"),
            ("p50", 20, "p50"),
            ("cpu", 5, "CPU of web"),
            ("connections", 9, "connections to PostgreSQL"),
            ("descriptors", 46, "other open files"),
            ("dead", 0.3, "dead rows"),
            ("size", 16_000_000, "tables and indexes"),
            ("hot", 0.2, "orders told of again"),
        ],
    )
    def test_misses_the_goal_of_what_grows(self, figure: str, to: float, goal: str) -> None:
        [start] = [getattr(one, figure) for one in (STORED, VITALS, INTERVAL) if figure in one._fields]
        pace = [start + (to - start) * passed / (INTERVALS - 1) for passed in range(INTERVALS)]
        found = Soaked(100, 50, [interval(**{figure: value}) for value in pace]).judged
        assert [one.goal.startswith(goal) for one in found if one.met == "no"] == [True]

    def test_does_not_judge_times_when_the_machine_did_something_else_meanwhile(self) -> None:
        quiet, busy = [interval()] * (INTERVALS // 2), [interval(others=0.7, p50=30, share=90)] * (INTERVALS // 2)
        found = [one.met for one in Soaked(100, 50, [*quiet, *busy]).judged]
        assert found == ["no", "too noisy", "too noisy", *["yes"] * (len(LIMITS) - 3)]

    def test_counts_a_delivery_in_the_interval_in_which_it_was_due(self) -> None:
        readings = [
            Reading(cpu=passed * 0.4, others=passed * 0.5, vitals=interval(hot_updates=passed * 25).vitals)
            for passed in range(INTERVALS + 1)
        ]
        answered = [
            Answered(due=number / 100, latency=0.5 if number == 99 else 0.01) for number in range(INTERVALS * 100)
        ]
        first, *others = by_interval(answered, readings, seconds=INTERVALS)
        assert (first.per_second, first.p50, first.p99, first.cpu, first.hot) == pytest.approx((100, 10, 500, 4, 1))
        assert first.others == 0.5
        assert {round(one.p99) for one in others} == {10}

    def test_has_a_line_for_each_interval_and_all_of_it_as_data(self) -> None:
        soaked = Soaked(100, 50, [interval(minutes=passed) for passed in range(INTERVALS)])
        assert len(list(soaked.lines)) == 2 + 2 + INTERVALS
        assert [one["vitals"]["stored"]["orders"] for one in soaked.figures["intervals"]] == [1000] * INTERVALS


async def paced(seconds_each: float, count: int, per_second: float) -> list[Answered]:
    """By a server that takes so long for every request."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(100):
            await asyncio.sleep(seconds_each)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        schedule = Schedule(time.perf_counter(), per_second, count, linger=0)
        return await send_on_schedule(port, lambda _: b"GET", schedule)


def test_what_a_schedule_is_late_with_counts_as_waited_for() -> None:
    turns = 4
    answered = asyncio.run(paced(0.05, turns * CONNECTIONS, per_second=10_000))
    latest = max(answered, key=lambda one: one.due)
    assert latest.latency >= turns * 0.05 - latest.due
    assert min(one.latency for one in answered) < 2 * 0.05
