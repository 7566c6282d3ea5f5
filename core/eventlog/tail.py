"""Tailing the log without missing an event.

Positions are drawn before their transactions commit, so a higher position may become visible first; a reader that
remembers the highest position seen would pass over the late one. Transaction ids don't have that flaw: once every
transaction below `pg_snapshot_xmin` has ended, no event with a lower id can appear any more. So a tail is read in the
order of `(transaction_id, position)` and only as far as that horizon.

Transaction ids are a cluster's own. After a restore into another cluster, what the old one wrote is settled by
definition and comes first; positions go on where the dump left the sequence, so they order the clusters. Source:
PostgreSQL's documentation, section 9.28.6 (transaction ids and snapshots).
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from django.db import connection
from django.db.models import Max, Min, Q, QuerySet
from django.db.models.expressions import RawSQL

from core.eventlog.bare import bare_values
from core.models import Event


class Cursor(NamedTuple):
    """How far a reader has read: store it, and read on from it."""

    cluster: int
    transaction_id: int
    position: int


class Era(NamedTuple):
    """The events that one cluster wrote before another took over: positions above `after` and, unless it lasts, below
    `end`.
    """

    cluster: int
    after: int
    end: int | None

    def settled_events(self) -> QuerySet[Event]:
        events = Event.objects.filter(cluster=self.cluster, position__gt=self.after)
        if self.end is not None:
            events = events.filter(position__lt=self.end)
        elif self.cluster == current_cluster():
            horizon = RawSQL("pg_snapshot_xmin(pg_current_snapshot())::text::bigint", ())
            events = events.filter(transaction_id__lt=horizon)
        return events.order_by("transaction_id", "position")


class SettledDigest(NamedTuple):
    """What of an event a checkpoint is made of, without the cost of a model."""

    cluster: int
    transaction_id: int
    position: int
    digest: bytes


def read_settled(after: Cursor | None, limit: int) -> list[Event]:
    """At most `limit` settled events behind `after` (None: from the beginning), in an order that never changes."""
    return settled_behind(after, limit, iter)


def read_settled_digests(after: Cursor | None, limit: int) -> list[SettledDigest]:
    """The same of as many."""
    columns = SettledDigest._fields
    return settled_behind(
        after, limit, lambda events: map(SettledDigest._make, bare_values(events.values_list(*columns)))
    )


def settled_behind[Row](
    after: Cursor | None, limit: int, read: Callable[[QuerySet[Event]], Iterable[Row]]
) -> list[Row]:
    rows: list[Row] = []
    era = era_around(after.cluster, after.position) if after else era_above(0)
    while era is not None and len(rows) < limit:
        batch = era.settled_events()
        if after:
            same_transaction = Q(transaction_id=after.transaction_id, position__gt=after.position)
            later = Q(transaction_id__gt=after.transaction_id) | same_transaction
            # Its first part says nothing new, but the index is entered by it: an OR alone would read all that was read.
            batch = batch.filter(Q(transaction_id__gte=after.transaction_id) & later)
            after = None
        rows += read(batch[: limit - len(rows)])
        era = era_above(era.end - 1) if era.end is not None else None
    return rows


def cursor_of(event: Event | SettledDigest) -> Cursor:
    return Cursor(event.cluster, event.transaction_id, event.position)


def settled_end() -> Cursor | None:
    """Where a reader stands that has read all that is settled; None where nothing is."""
    last = Event.objects.order_by("position").last()
    while last is not None:
        era = era_around(last.cluster, last.position)
        if (settled := era.settled_events().last()) is not None:
            return cursor_of(settled)
        last = Event.objects.filter(position__lte=era.after).order_by("position").last()
    return None


def is_behind(one: Cursor, other: Cursor) -> bool:
    """Whether a reader that has come to `one` has yet to read the event at `other`."""
    if one.cluster == other.cluster:
        return one < other
    return one.position < other.position


def era_above(position: int) -> Era | None:
    """The era of the first event above a position."""
    first = Event.objects.filter(position__gt=position).order_by("position").first()
    return era_around(first.cluster, first.position) if first else None


def era_around(cluster: int, position: int) -> Era:
    """The era of an event, bounded by the nearest events of other clusters."""
    others = Event.objects.filter(cluster__in=[other for other in clusters() if other != cluster])
    before = others.filter(position__lt=position).aggregate(found=Max("position"))["found"]
    behind = others.filter(position__gt=position).aggregate(found=Min("position"))["found"]
    return Era(cluster, before or 0, behind)


def clusters() -> list[int]:
    """Every cluster that wrote events, one index look-up each."""
    found: list[int] = []
    while (above := clusters_above(found[-1] if found else None)) is not None:
        found.append(above)
    return found


def clusters_above(cluster: int | None) -> int | None:
    events = Event.objects.all() if cluster is None else Event.objects.filter(cluster__gt=cluster)
    return events.order_by("cluster", "transaction_id", "position").values_list("cluster", flat=True).first()


def current_cluster() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT (pg_control_system()).system_identifier")
        return int(cursor.fetchone()[0])
