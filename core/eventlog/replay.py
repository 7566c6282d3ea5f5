"""`replay --check` and `--rebuild`: every row is the fold of its events, and can be made from them alone."""

import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from itertools import batched, chain, groupby
from typing import Any

from django.db import OperationalError, connection, transaction
from django.db.models import Model

from core.eventlog.aggregate import Aggregate, aggregates
from core.eventlog.append import read_facts
from core.eventlog.snapshot import read_only_snapshot
from core.eventlog.streams import UnclaimedStreamError, aggregate_of, primary_key, roots_without_events
from core.models import Event

STREAMS_AT_ONCE = 200
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
        for streams in batched(fold_streams(), STREAMS_AT_ONCE):
            yield from (stream for stream in streams if isinstance(stream, Unfoldable))
            folded = [stream for stream in streams if isinstance(stream, Aggregate)]
            for aggregate, of_one_class in groupby(folded, key=class_of):
                yield from compare_with_rows(aggregate, list(of_one_class))
        for aggregate in aggregates.values():
            for root in roots_without_events(aggregate.root_model):
                yield drift(root.stream, root, "*", stored="a row", folded=None)


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
        for streams in batched(fold_streams(strict=True), STREAMS_AT_ONCE):
            insert_rows([stream for stream in streams if isinstance(stream, Aggregate)])
            count += len(streams)
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


def fold_streams(*, strict: bool = False) -> Iterator[Aggregate[Any] | Unfoldable]:
    events = Event.objects.order_by("stream", "version").iterator(chunk_size=2000)
    for stream, in_stream in groupby(events, key=lambda event: event.stream):
        try:
            aggregate, key = aggregate_of(stream)
            yield aggregate.fold(key, read_facts(in_stream))
        except UnclaimedStreamError:
            yield Unfoldable(stream=stream, problem="no aggregate has streams of this name")
        except Exception as problem:
            # A forged event may break a fold in any way: it is reported here, and raised for a rebuild.
            if strict:
                raise
            yield Unfoldable(stream=stream, problem=f"{type(problem).__name__}: {problem}")


def compare_with_rows(aggregate: type[Aggregate[Any]], folded: list[Aggregate[Any]]) -> Iterator[Drift]:
    streams = {fold.root.pk: fold.root.stream for fold in folded}
    for model, owner in (
        (aggregate.root_model, primary_key(aggregate.root_model).attname),
        *aggregate.child_models.items(),
    ):
        stored = {row.pk: row for row in model._default_manager.filter(**{f"{owner}__in": list(streams)})}
        expected = {row.pk: row for fold in folded for row in rows_of(fold, model)}
        for key in sorted(stored.keys() | expected.keys(), key=str):
            row = stored.get(key) or expected[key]
            yield from compare_row(streams[getattr(row, owner)], stored.get(key), expected.get(key))


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
    return [fold.root] if model is fold.root_model else fold.children(model).values()


def insert_rows(folds: list[Aggregate[Any]]) -> None:
    for aggregate, of_one_class in groupby(folds, key=class_of):
        group = list(of_one_class)
        for model in (aggregate.root_model, *aggregate.child_models):
            rows = chain.from_iterable(rows_of(fold, model) for fold in group)
            model._default_manager.bulk_create(rows)
