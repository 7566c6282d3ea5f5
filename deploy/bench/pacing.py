"""Requests sent on a schedule, whatever the server does: what is late counts as waited for, as shoppers would."""

import asyncio
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

from deploy.bench.load import CONNECTIONS, exchange


class Schedule(NamedTuple):
    """`started` is a reading of time.perf_counter; the request of a number is due at an even pace from then on.

    The connections stay open for `linger` seconds more: whoever counts them at the end finds them as they were.
    """

    started: float
    per_second: float
    requests: int
    linger: float = 2

    def due(self, number: int) -> float:
        return self.started + number / self.per_second


class Answered(NamedTuple):
    """Seconds: when the request was due, from the start; and how long after that it was answered."""

    due: float
    latency: float


async def send_on_schedule(port: int, request: Callable[[int], bytes], schedule: Schedule) -> list[Answered]:
    """All of them, over 8 connections; raises StepError for an answer that is not 200.

    One that finds all connections busy is sent later, and its latency tells so.
    """
    numbers, answered = iter(range(schedule.requests)), list[Answered]()
    await asyncio.gather(*(_send_when_due(port, request, schedule, numbers, answered) for _ in range(CONNECTIONS)))
    return answered


async def _send_when_due(
    port: int, request: Callable[[int], bytes], schedule: Schedule, numbers: Iterator[int], answered: list[Answered]
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for number in numbers:
        due = schedule.due(number)
        await sleep_until(due)
        await exchange(reader, writer, request(number))
        answered.append(Answered(due - schedule.started, time.perf_counter() - due))
    await sleep_until(schedule.due(schedule.requests) + schedule.linger)
    writer.close()
    await writer.wait_closed()


async def sleep_until(moment: float) -> None:
    """A reading of time.perf_counter; not at all when it has passed."""
    await asyncio.sleep(max(0.0, moment - time.perf_counter()))
