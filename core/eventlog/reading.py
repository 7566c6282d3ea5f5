"""The whole log in the order of streams and versions, in constant memory, by as many processes as there are cores.

It is read in ranges of streams. What has few parts is done by the caller's process alone: to start others takes longer.
"""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from functools import partial
from itertools import chain, islice
from typing import NamedTuple

from django.db import connection

from core.eventlog.append import LoggedEvent
from core.eventlog.snapshot import export_snapshot, read_only_snapshot
from core.models import Event
from core.processes import pool_of

EVENTS_IN_A_RANGE = 10_000
PARTS_OF_ONE_PROCESS = 12  # starting others takes as long as half of them
EVENTS_AT_ONCE = 1000


class StreamRange(NamedTuple):
    """The streams behind `after` and up to `last` as the database orders their names; None is no bound."""

    after: str | None
    last: str | None


def read_events(streams: StreamRange) -> Iterator[LoggedEvent]:
    """The events of a range by stream and version, in the caller's transaction.

    Until that transaction ends indexes are used, whatever the statistics say: to read a whole table for each range
    would make the time grow with the square of the log.
    """
    columns = ", ".join("data::text" if name == "json" else name for name in LoggedEvent._fields)
    bounds = {"stream > %s": streams.after, "stream <= %s": streams.last}
    given = {condition: bound for condition, bound in bounds.items() if bound is not None}
    where = f"WHERE {' AND '.join(given)}" if given else ""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    # psycopg's own, since Django's would read times and JSON by Python's means: binary columns are read by C's.
    with connection.connection.cursor("events", binary=True) as cursor:
        cursor.execute(  # the columns are our own
            f"SELECT {columns} FROM core_event {where} ORDER BY stream, version",  # noqa: S608
            list(given.values()),
        )
        while rows := cursor.fetchmany(EVENTS_AT_ONCE):
            yield from map(LoggedEvent._make, rows)


def stream_ranges() -> Iterator[StreamRange]:
    """All streams, in ranges of so many events and what the last stream has beyond."""
    after: str | None = None
    while (last := stream_behind(after)) is not None:
        yield StreamRange(after, last)
        after = last
    yield StreamRange(after, None)


def stream_behind(after: str | None) -> str | None:
    """The stream so many events further; None where there are fewer."""
    streams = Event.objects.all() if after is None else Event.objects.filter(stream__gt=after)
    names = streams.order_by("stream").values_list("stream", flat=True)
    return names[EVENTS_IN_A_RANGE:].first()


type Part[Found] = Callable[[], Iterable[Found]]


def of_each_range[Found](look: Callable[[StreamRange], Iterable[Found]]) -> Iterator[Part[Found]]:
    """The parts of looking at all streams."""
    for streams in stream_ranges():
        yield partial(look, streams)


def in_processes[Found](parts: Iterator[Part[Found]]) -> Iterator[Found]:
    """What all parts find, in their order; call it in the transaction whose snapshot is to be read.

    A part is of a module's function, and reads in the transaction that it is called in; what it finds can be pickled.
    """
    processes = os.cpu_count() or 1
    first = list(islice(parts, PARTS_OF_ONE_PROCESS + 1))
    if len(first) <= PARTS_OF_ONE_PROCESS or processes == 1:
        for part in chain(first, parts):
            yield from part()
        return
    snapshot = export_snapshot()
    pool = pool_of(processes)
    on_their_way: deque[Future[list[Found]]] = deque()
    try:
        for part in chain(first, parts):
            on_their_way.append(pool.submit(found_by, part, snapshot))
            # Two for each, so that none waits, and memory stays constant however long the log is.
            if len(on_their_way) > 2 * processes:
                yield from on_their_way.popleft().result()
        while on_their_way:
            yield from on_their_way.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def found_by[Found](part: Part[Found], snapshot: str) -> list[Found]:
    with read_only_snapshot(snapshot):
        return list(part())
