"""Tailing the log without missing an event.

Positions are drawn before their transactions commit, so a higher position may become visible first; a reader that
remembers the highest position seen would pass over the late one. Transaction ids don't have that flaw: once every
transaction below `pg_snapshot_xmin` has ended, no event with a lower id can appear any more. So a tail is read in the
order of `(transaction_id, position)` and only as far as that horizon.

Transaction ids are a cluster's own. After a restore into another cluster, what the old one wrote is settled by
definition and comes first; positions go on where the dump left the sequence, so they order the clusters. Source:
PostgreSQL's documentation, section 9.28.6 (transaction ids and snapshots).
"""

from typing import NamedTuple

from django.db import connection
from django.db.models import Q, QuerySet
from django.db.models.expressions import RawSQL

from core.models import Event


class Cursor(NamedTuple):
    """How far a reader has read: store it, and read on from it."""

    cluster: int
    transaction_id: int
    position: int


def read_settled(after: Cursor | None, limit: int) -> list[Event]:
    """At most `limit` settled events behind `after` (None: from the beginning), in an order that never changes."""
    this_cluster = current_cluster()
    cluster = after.cluster if after else first_cluster(this_cluster)
    events: list[Event] = []
    while len(events) < limit:
        batch = settled_in_cluster(cluster, this_cluster).order_by("transaction_id", "position")
        if after and after.cluster == cluster:
            same_transaction = Q(transaction_id=after.transaction_id, position__gt=after.position)
            batch = batch.filter(Q(transaction_id__gt=after.transaction_id) | same_transaction)
        events += batch[: limit - len(events)]
        if cluster == this_cluster:
            break
        if len(events) < limit:
            cluster = next_cluster(cluster, this_cluster)
    return events


def cursor_of(event: Event) -> Cursor:
    return Cursor(event.cluster, event.transaction_id, event.position)


def settled_in_cluster(cluster: int, this_cluster: int) -> QuerySet[Event]:
    events = Event.objects.filter(cluster=cluster)
    if cluster == this_cluster:
        events = events.filter(transaction_id__lt=RawSQL("pg_snapshot_xmin(pg_current_snapshot())::text::bigint", ()))
    return events


def first_cluster(this_cluster: int) -> int:
    first = Event.objects.order_by("position").first()
    return first.cluster if first else this_cluster


def next_cluster(cluster: int, this_cluster: int) -> int:
    last = Event.objects.filter(cluster=cluster).order_by("-position").values("position")[:1]
    following = Event.objects.filter(position__gt=last).order_by("position").first()
    return following.cluster if following else this_cluster


def current_cluster() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT (pg_control_system()).system_identifier")
        return int(cursor.fetchone()[0])
