"""Projections that follow the whole log: summaries over many streams, which no aggregate's row can hold.

A projection's rows and its place in the log are written in one transaction, under the lock of that place. So each
settled event is projected once, whoever else follows at the same time and whatever is killed in between.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Protocol

from django.db import transaction
from django.db.models import Model

from core.eventlog.tail import Cursor, cursor_of, read_settled, settled_end
from core.models import Event, Follower

BATCH = 1000


class Finding(Protocol):
    """What a check found: one JSON object on stdout."""

    def as_json(self) -> dict[str, object]: ...


class Projection(Protocol):
    """`project` is handed settled events in the order of the tail, `forget` deletes all rows.

    That order is nearly that of the versions of a stream: a transaction may have begun before another and appended
    after it. `tables` are all that it writes, with the columns that name a row there; `contradictions` are what else
    was stated of the rows and does not hold.

    `from_now_on`: what it sets going can't be taken back, so it is told what happens after it was first made, and of
    that nothing twice: a rebuild leaves its rows and its place as they are, and there is nothing to check them against.
    """

    name: str
    from_now_on: bool
    tables: Mapping[type[Model], Sequence[str]]

    def project(self, events: list[Event]) -> None: ...

    def forget(self) -> None: ...

    def contradictions(self) -> Iterator[Finding]: ...


projections: dict[str, Projection] = {}


def register(projection: Projection) -> None:
    projections[projection.name] = projection


@contextmanager
def locked_place(projection: Projection) -> Iterator[Follower]:
    """A transaction in which nobody else follows for this projection."""
    with transaction.atomic(durable=True):
        beginning: dict[str, Any] = {"cursor": settled_end} if projection.from_now_on else {}
        Follower.objects.get_or_create(pk=projection.name, defaults=beginning)
        yield Follower.objects.select_for_update().get(pk=projection.name)


def advance(projection: Projection, place: Follower) -> int:
    """Project the next events, at most a batch, in the caller's transaction; how many they were."""
    events = read_settled(place_of(place), BATCH)
    if events:
        projection.project(events)
        place.cursor = list(cursor_of(events[-1]))
        place.save(update_fields=["cursor"])
    return len(events)


def place_of(follower: Follower) -> Cursor | None:
    return Cursor(*follower.cursor) if follower.cursor else None


def first_behind(place: Cursor | None) -> datetime | None:
    """When the first event was recorded that a reader at `place` has not read; one that is not settled yet counts too.

    Of the place's own cluster by its transactions, as the tail goes, else by position: two look-ups in an index.
    """
    if place is None:
        return Event.objects.order_by("position").values_list("recorded_at", flat=True).first()
    same = Event.objects.filter(cluster=place.cluster, transaction_id__gte=place.transaction_id)
    for behind in (
        same.exclude(transaction_id=place.transaction_id, position__lte=place.position).order_by(
            "transaction_id", "position"
        ),
        Event.objects.filter(position__gt=place.position).order_by("position"),
    ):
        recorded_at = behind.values_list("recorded_at", flat=True).first()
        if recorded_at:
            return recorded_at
    return None


def follow(projection: Projection, *, batches: int = sys.maxsize) -> int:
    """Project all that is settled, or so many batches of it, a transaction for each; how many events they were."""
    total = 0
    for _ in range(batches):
        with locked_place(projection) as place:
            count = advance(projection, place)
        total += count
        if count < BATCH:
            break
    return total


def rebuild(projection: Projection) -> int:
    """Delete the projection's rows and make them anew from the log; how many events were read."""
    if projection.from_now_on:
        return follow(projection)
    with locked_place(projection) as place:
        projection.forget()
        place.cursor = None
        place.save(update_fields=["cursor"])
    return follow(projection)
