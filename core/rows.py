"""A model's rows by statements of static text, which PostgreSQL prepares once; the ORM composes its own anew each time.

Values are adapted as the ORM adapts them. Nothing is computed here: no defaults, no expressions, no signals.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from functools import cache, lru_cache
from operator import attrgetter
from typing import Any
from uuid import UUID

import msgspec
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import (
    BooleanField,
    CharField,
    DateField,
    DateTimeField,
    Field,
    ForeignKey,
    IntegerField,
    JSONField,
    Model,
    TextField,
    UUIDField,
)
from django.db.models.base import ModelState
from django.db.models.expressions import DatabaseDefault
from django_fsm import FSMField
from psycopg.types.json import Jsonb

from core.pipeline import Row, Statement

type AnyField = Field[Any, Any]

SENT_AS_THEY_ARE = {BooleanField, CharField, TextField, DateTimeField, UUIDField, FSMField}

PYTHON_TYPES: dict[type[AnyField], Any] = {
    BooleanField: bool,
    CharField: str,
    DateTimeField: datetime,
    DateField: date,
    IntegerField: int,
    JSONField: object,
    TextField: str,
    UUIDField: UUID,
}


class Columns:
    """Some of a model's columns, and what is the same for each of their rows."""

    def __init__(self, model: type[Model], fields: Sequence[AnyField]) -> None:
        self.table = table_of(model)
        self.names = [field.attname for field in fields]
        self.sql = ", ".join(map(column_of, fields))
        self.assignments = ", ".join(f"{column_of(field)} = %s" for field in fields)
        self.placeholders = f"({', '.join(['%s'] * len(fields))})"
        self._attributes = attrgetter(*self.names)
        self._adapters = [adapter(field) for field in fields]
        readers = [(index, getattr(field, "from_db_value", None)) for index, field in enumerate(fields)]
        self._readers = [(index, reader) for index, reader in readers if reader]

    def adapted(self, row: object) -> list[Any]:
        """Its values as they are sent; it has at least two columns."""
        values = zip(self._attributes(row), self._adapters, strict=True)
        return [value if value is None or adapt is None else adapt(value) for value, adapt in values]

    def converted(self, row: Row) -> Sequence[Any]:
        """Its values as a model has them."""
        if not self._readers:
            return row
        values, database = list(row), connections[DEFAULT_DB_ALIAS]
        for index, reader in self._readers:
            values[index] = reader(values[index], None, database)
        return values


@cache
def columns_of(model: type[Model], without: tuple[str, ...] = ()) -> Columns:
    return Columns(model, [field for field in model._meta.concrete_fields if field.name not in without])


@cache
def primary_key(model: type[Model]) -> AnyField:
    key: AnyField = model._meta.pk
    return key


def select_rows(
    model: type[Model], condition: Statement, *, without: tuple[str, ...] = (), locked: bool = False
) -> Statement:
    """The rows that fulfil a condition, for `rows_from`; those of `without` are left out, to be read when needed."""
    return Statement(selection(model, without, condition.sql, locked), condition.params)


def rows_from[Any_: Model](model: type[Any_], found: Iterable[Row], *, without: tuple[str, ...] = ()) -> list[Any_]:
    """The model's instances, of what `select_rows` brought: made as Django makes one of a pickle, at a tenth of what
    `model(...)` costs. So its signals of initialization are not sent.
    """
    columns = columns_of(model, without)
    return [stored_row(model, columns.names, columns.converted(values)) for values in found]


def stored_row[Any_: Model](model: type[Any_], names: Iterable[str], values: Iterable[object]) -> Any_:
    row, state = model.__new__(model), ModelState()
    state.adding, state.db = False, DEFAULT_DB_ALIAS
    vars(row).update(zip(names, values, strict=True), _state=state)
    return row


def rows_in_json(model: type[Model], condition: Statement) -> Statement:
    """An expression of SQL: the rows that fulfil a condition, for `rows_from_json`."""
    columns = columns_of(model)
    rows = f"SELECT json_agg(json_build_array({columns.sql}))::text FROM {columns.table} WHERE {condition.sql}"
    return condition._replace(sql=f"({rows})")


def rows_from_json[Any_: Model](model: type[Any_], found: str | None) -> list[Any_]:
    """Of None, none."""
    if found is None:
        return []
    names = columns_of(model).names
    return [stored_row(model, names, values) for values in json_decoder(model).decode(found)]


@cache
def json_decoder(model: type[Model]) -> "msgspec.json.Decoder[list[tuple[Any, ...]]]":
    """Straight into what Python has for the columns' types."""
    types = tuple(python_type(field) for field in model._meta.concrete_fields)
    return msgspec.json.Decoder(list[tuple[types]])  # type: ignore[valid-type] # it is known when it runs


def python_type(field: AnyField) -> Any:
    """Raises StopIteration for a type that JSON holds otherwise than Python, such as bytes."""
    target = field.target_field if isinstance(field, ForeignKey) else field
    known = next(python for kind, python in PYTHON_TYPES.items() if isinstance(target, kind))
    return known | None if field.null else known


def blank_row[Any_: Model](model: type[Any_], **values: object) -> Any_:
    """What `model(**values)` gives, made in the same way: Django asks every field for its default, every time."""
    row = model.__new__(model)
    made_anew = {name: default() for name, default in changing_defaults(model)}
    row.__dict__ = unchanging_defaults(model) | made_anew | values | {"_state": ModelState()}
    return row


@cache
def unchanging_defaults(model: type[Model]) -> dict[str, object]:
    return {name: value for name, value in vars(model()).items() if name != "_state"}


@cache
def changing_defaults(model: type[Model]) -> list[tuple[str, Callable[[], object]]]:
    """Those that are made anew for each row, such as lists."""
    defaults = [(field.attname, field.default) for field in model._meta.concrete_fields if field.has_default()]
    return [(name, default) for name, default in defaults if callable(default)]


def insert_rows(rows: Sequence[Model], *, refusal: Exception | None = None) -> Statement:
    """In one statement; columns that the database fills stay out. `rows` are of one model, and at least one."""
    model = type(rows[0])
    columns = columns_of(model, tuple(name for name in filled_by_database(model) if is_missing(rows[0], name)))
    values = [value for row in rows for value in columns.adapted(row)]
    return Statement(insertion(columns, len(rows)), tuple(values), refusal)


def upsert_rows(rows: Sequence[Model]) -> Statement:
    """In one statement, by their primary keys."""
    inserted = insert_rows(rows)
    return inserted._replace(sql=f"{inserted.sql} {replacing(type(rows[0]))}")


def update_row(row: Model, names: Sequence[str] = ()) -> Statement:
    """The fields of these names, or all."""
    columns, sql = updating(type(row), tuple(names))
    return Statement(sql, (*columns.adapted(row),))


def insert_or_update(row: Model, names: Sequence[str]) -> Statement:
    """All of a row that has no key yet, else the fields of these names."""
    return insert_rows([row]) if row.pk is None else update_row(row, names)


def delete_rows(model: type[Model], keys: Iterable[object]) -> Statement:
    key = primary_key(model)
    database = connections[DEFAULT_DB_ALIAS]
    return Statement(
        f"DELETE FROM {table_of(model)} WHERE {column_of(key)} = ANY(%s)",
        ([key.get_db_prep_save(one, database) for one in keys],),
    )


def by_key(model: type[Model], value: object) -> Statement:
    """The value of its primary key, to be compared with."""
    return Statement("%s", (primary_key(model).get_db_prep_save(value, connections[DEFAULT_DB_ALIAS]),))


def adapter(field: AnyField) -> Callable[[Any], Any] | None:
    """What is sent of the field's values, which are of its type; None: they themselves."""
    if type(field) in SENT_AS_THEY_ARE:
        return None
    numbers = vars(type(connections[DEFAULT_DB_ALIAS].ops))["integerfield_type_map"]
    if field.get_internal_type() in numbers:
        number: Callable[[Any], Any] = numbers[field.get_internal_type()]
        return number
    if isinstance(field, JSONField) and field.encoder is None:
        return as_json
    return lambda value: field.get_db_prep_save(value, connections[DEFAULT_DB_ALIAS])


def as_json(value: Any) -> Jsonb:
    return Jsonb(value, dumps=msgspec.json.encode)


@cache
def filled_by_database(model: type[Model]) -> list[str]:
    """The names of the columns for which it has a default, or may draw a number."""
    return [field.name for field in model._meta.concrete_fields if field.primary_key or field.has_db_default()]


def is_missing(row: Model, name: str) -> bool:
    value = getattr(row, name)
    return isinstance(value, DatabaseDefault) or (value is None and name == primary_key(type(row)).name)


@cache
def selection(model: type[Model], without: tuple[str, ...], condition: str, locked: bool) -> str:  # noqa: FBT001 as it is cached
    columns = columns_of(model, without)
    return f"SELECT {columns.sql} FROM {columns.table} WHERE {condition}{' FOR UPDATE' if locked else ''}"


@lru_cache(maxsize=1000)
def insertion(columns: Columns, count: int) -> str:
    return f"INSERT INTO {columns.table} ({columns.sql}) VALUES {', '.join([columns.placeholders] * count)}"


@cache
def replacing(model: type[Model]) -> str:
    key = primary_key(model)
    names = [column_of(field) for field in model._meta.concrete_fields if field is not key]
    return f"ON CONFLICT ({column_of(key)}) DO UPDATE SET {', '.join(f'{name} = EXCLUDED.{name}' for name in names)}"


@cache
def updating(model: type[Model], names: tuple[str, ...]) -> tuple[Columns, str]:
    """The columns whose values the statement takes, the last of which is the key."""
    key = primary_key(model)
    fields = [field for field in model._meta.concrete_fields if field is not key and (not names or field.name in names)]
    set_ = Columns(model, fields).assignments
    return Columns(model, [*fields, key]), f"UPDATE {table_of(model)} SET {set_} WHERE {column_of(key)} = %s"


def table_of(model: type[Model]) -> str:
    return quoted(model._meta.db_table)


def column_of(field: AnyField) -> str:
    name: Any = field.column  # of a concrete field there is one
    return quoted(name)


def quoted(name: str) -> str:
    return connections[DEFAULT_DB_ALIAS].ops.quote_name(name)
