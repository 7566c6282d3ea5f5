"""`projections --check`: the rows of a projection are what the log says, up to the place it has come to.

The log is projected anew into temporary tables, which PostgreSQL finds before the projection's own of the same name
(its documentation, `search_path`). That is done in transactions that are read only: to them a temporary table may be
written and no other (`SET TRANSACTION`). So nothing is touched, nobody waits, and a pooler that takes the session away
between two transactions makes the check fail, never the rows.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import count

from django.db import connection, transaction
from django.db.models import Model

from core.eventlog import following
from core.eventlog.following import Finding, Projection, place_of
from core.eventlog.snapshot import read_only_snapshot
from core.eventlog.tail import Cursor, cursor_of, is_behind, read_settled
from core.models import Follower


@dataclass(frozen=True, kw_only=True)
class ProjectionDrift:
    """One column whose stored value is not what the log says; `column` is `*` where a whole row is missing or too
    many.
    """

    projection: str
    table: str
    key: Mapping[str, object]
    column: str
    stored: str | None
    folded: str | None

    def as_json(self) -> dict[str, object]:
        return {"finding": "drift", **asdict(self)}


def check_projection(projection: Projection) -> Iterator[Finding]:
    """What contradicts the stored rows elsewhere, then how they differ from the log. In constant memory.

    Rows and place are one transaction, so a snapshot of both is compared with the log up to there: live traffic is no
    drift.
    """
    with read_only_snapshot():
        yield from projection.contradictions()
    with temporary_tables(projection) as schemas:
        after: Cursor | None = None
        for batch in count(1):
            with transaction.atomic(durable=True):
                read_only()
                after, is_all = project_anew(projection, after)
                if batch & (batch - 1) == 0:  # autovacuum does not see temporary tables
                    analyze(projection)
            if is_all:
                break
        with read_only_snapshot():
            is_all = False
            while not is_all:
                after, is_all = project_anew(projection, after)
            for model, schema in schemas.items():
                yield from compare_tables(projection, model, schema)


def project_anew(projection: Projection, after: Cursor | None) -> tuple[Cursor | None, bool]:
    """Project the next batch, never beyond where the projection itself is: a month may be closed behind that.

    Answers how far it came, and whether that is all.
    """
    stored = Follower.objects.filter(pk=projection.name).first()
    place = place_of(stored) if stored else None
    read = read_settled(after, following.BATCH) if place else []
    events = [event for event in read if place and not is_behind(place, cursor_of(event))]
    if not events:
        return after, True
    projection.project(events)
    return cursor_of(events[-1]), len(events) < following.BATCH


@contextmanager
def temporary_tables(projection: Projection) -> Iterator[dict[type[Model], str]]:
    """Empty ones in front of the projection's own, for this session; the schema of each of its own."""
    schemas = {model: schema_of(model) for model in projection.tables}
    try:
        with transaction.atomic(durable=True), connection.cursor() as cursor:
            for model, schema in schemas.items():
                cursor.execute(
                    f"CREATE TEMPORARY TABLE {table_of(model)} (LIKE {schema}.{table_of(model)} INCLUDING ALL)"
                )
        yield schemas
    finally:
        with connection.cursor() as cursor:
            for model in schemas:
                cursor.execute(f"DROP TABLE IF EXISTS pg_temp.{table_of(model)}")


def compare_tables(projection: Projection, model: type[Model], schema: str) -> Iterator[ProjectionDrift]:
    name, keys = connection.ops.quote_name, projection.tables[model]
    fields = (field for field in model._meta.concrete_fields if not field.primary_key or field.column in keys)
    columns = [column for field in fields if (column := field.column)]
    stored, folded = (", ".join(f"{side}.{name(column)}" for column in columns) for side in ("stored", "folded"))
    order = ", ".join(name(key) for key in keys)
    with connection.chunked_cursor() as cursor:
        cursor.execute(  # the names are our own
            f"SELECT to_jsonb(stored), to_jsonb(folded) FROM {schema}.{table_of(model)} stored"  # noqa: S608
            f" FULL JOIN pg_temp.{table_of(model)} folded USING ({order})"
            f" WHERE ({stored}) IS DISTINCT FROM ({folded}) ORDER BY {order}"
        )
        for texts in cursor:
            is_row, should_row = (json.loads(text) if text else None for text in texts)
            row = is_row or should_row or {}
            key = {column: row[column] for column in keys}
            for column, is_value, should_value in differences(columns, is_row, should_row):
                yield ProjectionDrift(
                    projection=projection.name,
                    table=model._meta.db_table,
                    key=key,
                    column=column,
                    stored=is_value,
                    folded=should_value,
                )


type Row = Mapping[str, object]


def differences(
    columns: list[str], stored: Row | None, folded: Row | None
) -> Iterator[tuple[str, str | None, str | None]]:
    if stored is None or folded is None:
        yield "*", "a row" if stored else None, "a row" if folded else None
        return
    for column in columns:
        if stored[column] != folded[column]:
            yield column, str(stored[column]), str(folded[column])


def schema_of(model: type[Model]) -> str:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT quote_ident(nspname) FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace"
            " WHERE pg_class.oid = %s::regclass",
            [table_of(model)],
        )
        return str(cursor.fetchone()[0])


def read_only() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION READ ONLY")


def analyze(projection: Projection) -> None:
    with connection.cursor() as cursor:
        for model in projection.tables:
            cursor.execute(f"ANALYZE pg_temp.{table_of(model)}")


def table_of(model: type[Model]) -> str:
    return connection.ops.quote_name(model._meta.db_table)
