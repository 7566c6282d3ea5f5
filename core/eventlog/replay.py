"""`replay --check` and `--rebuild`: every row is the fold of its events, and can be made from them alone."""

import json
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from functools import cache
from io import BytesIO
from itertools import batched, chain, groupby
from operator import attrgetter, itemgetter
from typing import Any, NamedTuple, cast

import msgspec
from django.contrib.postgres.fields import ArrayField
from django.db import OperationalError, connection, transaction
from django.db.models import JSONField, Model
from psycopg import Cursor, sql
from psycopg.copy import Copy, FileWriter

from core.eventlog.aggregate import Aggregate, aggregates
from core.eventlog.append import LoggedEvent, RecordedFact
from core.eventlog.bare import bare_rows
from core.eventlog.facts import decode_json
from core.eventlog.reading import StreamRange, in_processes, of_each_range, read_events
from core.eventlog.snapshot import read_only_snapshot
from core.eventlog.streams import UnclaimedStreamError, aggregate_of, primary_key, roots_without_events
from core.models import Event

STREAMS_AT_ONCE = 500
LOCK_TRIES = 200
LOCK_PAUSE_SECONDS = 0.05


class TablesBusyError(Exception):
    """The tables were in use all the time; stop web and workers, and rebuild again."""


@dataclass(frozen=True, kw_only=True)
class Drift:
    """One column whose stored value is not what the events say; `column` is `*` where a whole row is missing or too
    many.
    """

    stream: str
    table: str
    key: str
    column: str
    stored: str | None
    folded: str | None

    def as_json(self) -> dict[str, object]:
        return {"finding": "drift", **asdict(self)}


@dataclass(frozen=True, kw_only=True)
class Unfoldable:
    """A stream that today's code can't fold: an event of it was tampered with, or comes from newer code."""

    stream: str
    problem: str

    def as_json(self) -> dict[str, object]:
        return {"finding": "unfoldable", **asdict(self)}


def check_rows() -> Iterator[Drift | Unfoldable]:
    """Every difference between the rows and the fold of their events, on one snapshot."""
    with read_only_snapshot():
        yield from in_processes(chain(of_each_range(check_streams), [rows_from_nowhere]))


def rows_from_nowhere() -> Iterator[Drift]:
    for aggregate in aggregates.values():
        for root in roots_without_events(aggregate.root_model).iterator():
            yield drift(root.stream, root, "*", stored="a row", folded=None)


def check_streams(streams: StreamRange) -> Iterator[Drift | Unfoldable]:
    for batch in batched(fold_streams(streams), STREAMS_AT_ONCE):
        yield from (stream for stream in batch if isinstance(stream, Unfoldable))
        folded = [stream for stream in batch if isinstance(stream, Aggregate)]
        for aggregate, of_one_class in groupby(folded, key=class_of):
            yield from compare_with_rows(aggregate, list(of_one_class))


def rebuild_rows() -> int:
    """Delete every row that is a fold and make it again from the log; returns the number of streams.

    One transaction that keeps writers out; whoever reads sees the old rows until it commits. Raises what folding
    raises (a log that can't be folded leaves the rows as they were), and TablesBusyError.
    """
    models: list[type[Model]] = []
    for aggregate in aggregates.values():
        models += [aggregate.root_model, *aggregate.child_models]
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        lock_tables([*models, Event])
        for model in reversed(models):
            cursor.execute(f"DELETE FROM {table_of(model)}")  # noqa: S608 our own table's name
        count = 0
        for folded in in_processes(of_each_range(rows_of_streams)):
            count += folded.streams
            for model, rows in folded.rows.items():
                copy_rows(cursor, model, rows)
        for model in models:
            advance_sequence(model)
    return count


def lock_tables(models: Iterable[type[Model]]) -> None:
    """All of them at once or none: waiting with some in hand could deadlock with the writers, who lock row by row."""
    tables = ", ".join(table_of(model) for model in models)
    for _ in range(LOCK_TRIES):
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(f"LOCK TABLE {tables} IN EXCLUSIVE MODE NOWAIT")
        except OperationalError:
            time.sleep(LOCK_PAUSE_SECONDS)
        else:
            return
    raise TablesBusyError


def advance_sequence(model: type[Model]) -> None:
    """Let the next key be a new one; never back, since a key may have been drawn and not be inserted yet."""
    key = primary_key(model)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_get_serial_sequence(%s, %s)", [model._meta.db_table, key.column])
        [sequence] = cursor.fetchone()
        if sequence is not None:
            column = connection.ops.quote_name(key.column)
            cursor.execute(  # the names are our own
                f"SELECT setval('{sequence}', GREATEST((SELECT last_value FROM {sequence}), max({column})))"  # noqa: S608
                f" FROM {table_of(model)} HAVING max({column}) IS NOT NULL"
            )


def table_of(model: type[Model]) -> str:
    return connection.ops.quote_name(model._meta.db_table)


def fold_streams(streams: StreamRange, *, strict: bool = False) -> Iterator[Aggregate[Any] | Unfoldable]:
    for stream, in_stream in groupby(read_events(streams), key=attrgetter("stream")):
        try:
            aggregate, key = aggregate_of(stream)
            yield aggregate.fold(key, map(fact_in, in_stream))
        except UnclaimedStreamError:
            yield Unfoldable(stream=stream, problem="no aggregate has streams of this name")
        except Exception as problem:
            # A forged event may break a fold in any way: it is reported here, and raised for a rebuild.
            if strict:
                raise
            yield Unfoldable(stream=stream, problem=f"{type(problem).__name__}: {problem}")


def fact_in(event: LoggedEvent) -> RecordedFact:
    return RecordedFact(decode_json(event.kind, event.schema, event.json), cast("Event", event))


def compare_with_rows(aggregate: type[Aggregate[Any]], folded: list[Aggregate[Any]]) -> Iterator[Drift]:
    streams = {fold.root.pk: fold.root.stream for fold in folded}
    for model, owner in (
        (aggregate.root_model, primary_key(aggregate.root_model).attname),
        *aggregate.child_models.items(),
    ):
        columns = columns_of(model, owner)
        stored = columns.read(list(streams))
        expected = {key: row for fold in folded for key, row in keyed_rows(fold, model).items()}
        differing = [key for key in stored if not (key in expected and columns.hold(stored[key], expected[key]))]
        for key in sorted((*differing, *(expected.keys() - stored.keys())), key=str):
            is_row, should_row = columns.row(stored.get(key)), expected.get(key)
            yield from compare_row(streams[getattr(is_row or should_row, owner)], is_row, should_row)


@dataclass(frozen=True, kw_only=True)
class Columns:
    """Of one model. Nearly all rows are as they should be: that is seen by their bare values."""

    model: type[Model]
    query: str
    names: tuple[str, ...]
    values_in: "itemgetter[tuple[Any, ...]]"
    key: int
    nested: tuple[int, ...]

    def read(self, owners: list[Any]) -> dict[Any, tuple[Any, ...]]:
        """By primary key."""
        return {values[self.key]: values for values in bare_rows(self.query, [owners])}

    def hold(self, stored: tuple[Any, ...], folded: Model) -> bool:
        """Whether these are surely the row's values; if not, `compare_row` tells."""
        values = self.values_in(vars(folded))
        return stored == values and all(
            canonical(stored[index]) == canonical(values[index]) for index in self.nested if values[index]
        )

    def row(self, values: tuple[Any, ...] | None) -> Model | None:
        return None if values is None else self.model.from_db(connection.alias, self.names, values)


canonical = msgspec.json.Encoder(order="sorted").encode


@cache
def columns_of(model: type[Model], owner: str) -> Columns:
    """`owner` is the column by which rows are read."""
    fields = model._meta.concrete_fields
    names = tuple(field.attname for field in fields)
    columns = [connection.ops.quote_name(str(field.column)) for field in fields]
    return Columns(
        model=model,
        query=f"SELECT {', '.join(columns)} FROM {table_of(model)} WHERE {columns[names.index(owner)]} = ANY(%s)",  # noqa: S608 our own
        names=names,
        values_in=itemgetter(*names),
        key=fields.index(primary_key(model)),
        nested=tuple(index for index, field in enumerate(fields) if isinstance(field, JSONField | ArrayField)),
    )


def compare_row(stream: str, stored: Model | None, folded: Model | None) -> Iterator[Drift]:
    if folded is None:
        if stored is not None:
            yield drift(stream, stored, "*", stored="a row", folded=None)
        return
    if stored is None:
        yield drift(stream, folded, "*", stored=None, folded="a row")
        return
    for field in folded._meta.concrete_fields:
        is_value, should_value = comparable(stored, field.attname), comparable(folded, field.attname)
        if is_value != should_value:
            yield drift(stream, folded, field.attname, stored=str(is_value), folded=str(should_value))


def comparable(row: Model, column: str) -> object:
    """The column's value in a form in which only equal values are equal: Python holds False, 0 and 0.0 to be one."""
    value = getattr(row, column)
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    return json.dumps(value, sort_keys=True) if isinstance(value, dict | list) else value


def drift(stream: str, row: Model, column: str, *, stored: str | None, folded: str | None) -> Drift:
    return Drift(stream=stream, table=row._meta.db_table, key=str(row.pk), column=column, stored=stored, folded=folded)


def class_of(fold: Aggregate[Any]) -> type[Aggregate[Any]]:
    """`type`, typed."""
    return type(fold)


def rows_of(fold: Aggregate[Any], model: type[Model]) -> Iterable[Model]:
    return keyed_rows(fold, model).values()


def keyed_rows(fold: Aggregate[Any], model: type[Model]) -> dict[Any, Model]:
    """By primary key."""
    return {fold.root.pk: fold.root} if model is fold.root_model else fold.children(model)


class FoldedRows(NamedTuple):
    """The rows of some streams, as COPY takes them."""

    streams: int
    rows: dict[type[Model], bytes]


def rows_of_streams(streams: StreamRange) -> Iterator[FoldedRows]:
    """Raises what folding raises."""
    for batch in batched(fold_streams(streams, strict=True), STREAMS_AT_ONCE):
        rows: dict[type[Model], list[Model]] = defaultdict(list)
        for fold in batch:
            if isinstance(fold, Aggregate):
                for model in (fold.root_model, *fold.child_models):
                    rows[model] += rows_of(fold, model)
        yield FoldedRows(
            len(batch), {model: copy_data(model, of_model) for model, of_model in rows.items() if of_model}
        )


def copy_data(model: type[Model], rows: Iterable[Model]) -> bytes:
    """Made by whoever folds, so that who copies, alone for all, has nothing to do."""
    fields = model._meta.concrete_fields
    json_columns = [index for index, field in enumerate(fields) if isinstance(field, JSONField)]
    values_in = itemgetter(*(field.attname for field in fields))
    made = BytesIO()
    with Cursor(connection.connection) as cursor, Copy(cursor, writer=FileWriter(made)) as copy:
        for row in rows:
            values = list(values_in(vars(row)))
            for index in json_columns:
                if values[index] is not None:
                    values[index] = canonical(values[index]).decode()
            copy.write_row(values)
    return made.getvalue()


def copy_rows(cursor: Any, model: type[Model], rows: bytes) -> None:
    columns = sql.SQL(", ").join([sql.Identifier(str(field.column)) for field in model._meta.concrete_fields])
    with cursor.copy(sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(model._meta.db_table), columns)) as copy:
        copy.write(rows)
