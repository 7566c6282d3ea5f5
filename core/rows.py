"""A model's rows by statements of static text, which PostgreSQL prepares once; the ORM composes its own anew each time.

Values are adapted as the ORM adapts them. Nothing is computed here: no defaults, no expressions, no signals.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import cache, lru_cache
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import Field, Model
from django.db.models.base import ModelState
from django.db.models.expressions import DatabaseDefault

from core.pipeline import Row, Statement

type AnyField = Field[Any, Any]
type Fields = tuple[AnyField, ...]


@cache
def fields_of(model: type[Model], without: tuple[str, ...] = ()) -> Fields:
    return tuple(field for field in model._meta.concrete_fields if field.name not in without)


@cache
def primary_key(model: type[Model]) -> AnyField:
    key: AnyField = model._meta.pk
    return key


def select_rows(
    model: type[Model], condition: Statement, *, without: tuple[str, ...] = (), locked: bool = False
) -> Statement:
    """The rows that fulfil a condition, for `rows_from`; those of `without` are left out, to be read when needed."""
    lock = " FOR UPDATE" if locked else ""
    return Statement(f"{selection(model, without)} WHERE {condition.sql}{lock}", condition.params)


def rows_from[Any_: Model](model: type[Any_], found: Iterable[Row], *, without: tuple[str, ...] = ()) -> list[Any_]:
    """The model's instances, of what `select_rows` brought."""
    fields = fields_of(model, without)
    names = [field.attname for field in fields]
    return [model.from_db(DEFAULT_DB_ALIAS, names, converted(row, fields)) for row in found]


def blank_row[Any_: Model](model: type[Any_], **values: object) -> Any_:
    """What `model(**values)` gives, at a tenth of its cost: Django asks every field for its default, every time.

    It is made as Django makes one of a pickle, so its signals of initialization are not sent.
    """
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
    defaults = [(field.attname, field.default) for field in fields_of(model) if field.has_default()]
    return [(name, default) for name, default in defaults if callable(default)]


def insert_rows(rows: Sequence[Model], *, refusal: Exception | None = None) -> Statement:
    """In one statement; columns that the database fills stay out. `rows` are of one model, and at least one."""
    model = type(rows[0])
    fields = tuple(field for field in fields_of(model) if is_given(rows[0], field))
    values = [value for row in rows for value in adapted(row, fields)]
    return Statement(insertion(model, fields, len(rows)), tuple(values), refusal)


def insert_unless_there(row: Model, condition: Statement) -> Statement:
    """Nothing happens where a row fulfils the condition or has a unique key of this one's: no id is drawn in vain."""
    fields = tuple(field for field in fields_of(type(row)) if is_given(row, field))
    sql = f"{insertion_unless(type(row), fields, condition.sql)} ON CONFLICT DO NOTHING"
    return Statement(sql, (*adapted(row, fields), *condition.params))


def upsert_rows(rows: Sequence[Model]) -> Statement:
    """In one statement, by their primary keys."""
    inserted = insert_rows(rows)
    return inserted._replace(sql=f"{inserted.sql} {replacing(type(rows[0]))}")


def update_row(row: Model, names: Iterable[str] = ()) -> Statement:
    """The fields of these names, or all."""
    model, wanted = type(row), tuple(names)
    key = primary_key(model)
    fields = tuple(field for field in fields_of(model) if field is not key and (not wanted or field.name in wanted))
    return Statement(updating(model, fields), tuple(adapted(row, (*fields, key))))


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


def adapted(row: Model, fields: Fields) -> list[Any]:
    database = connections[DEFAULT_DB_ALIAS]
    return [field.get_db_prep_save(getattr(row, field.attname), database) for field in fields]


def converted(row: Row, fields: Fields) -> Sequence[Any]:
    values = list(row)
    for index, from_db_value in to_convert(fields):
        values[index] = from_db_value(values[index], None, connections[DEFAULT_DB_ALIAS])
    return values


def is_given(row: Model, field: AnyField) -> bool:
    value = getattr(row, field.attname)
    return not isinstance(value, DatabaseDefault) and not (value is None and field.primary_key)


@cache
def to_convert(fields: Fields) -> list[tuple[int, Any]]:
    """Which columns are something else in Python than psycopg makes of them, and how that is made."""
    own = [(index, getattr(field, "from_db_value", None)) for index, field in enumerate(fields)]
    return [(index, from_db_value) for index, from_db_value in own if from_db_value]


@cache
def selection(model: type[Model], without: tuple[str, ...]) -> str:
    return f"SELECT {columns(fields_of(model, without))} FROM {table_of(model)}"


@lru_cache(maxsize=1000)
def insertion(model: type[Model], fields: Fields, count: int) -> str:
    row = f"({', '.join(['%s'] * len(fields))})"
    return f"INSERT INTO {table_of(model)} ({columns(fields)}) VALUES {', '.join([row] * count)}"


@cache
def insertion_unless(model: type[Model], fields: Fields, condition: str) -> str:
    table, values = table_of(model), ", ".join(["%s"] * len(fields))
    known = f"SELECT FROM {table} WHERE {condition}"
    return f"INSERT INTO {table} ({columns(fields)}) SELECT {values} WHERE NOT EXISTS ({known})"


@cache
def replacing(model: type[Model]) -> str:
    key = primary_key(model)
    names = [column_of(field) for field in fields_of(model) if field is not key]
    return f"ON CONFLICT ({column_of(key)}) DO UPDATE SET {', '.join(f'{name} = EXCLUDED.{name}' for name in names)}"


@cache
def updating(model: type[Model], fields: Fields) -> str:
    values = ", ".join(f"{column_of(field)} = %s" for field in fields)
    return f"UPDATE {table_of(model)} SET {values} WHERE {column_of(primary_key(model))} = %s"


def columns(fields: Fields) -> str:
    return ", ".join(column_of(field) for field in fields)


def table_of(model: type[Model]) -> str:
    return connections[DEFAULT_DB_ALIAS].ops.quote_name(model._meta.db_table)


def column_of(field: AnyField) -> str:
    name: Any = field.column  # of a concrete field there is one
    return connections[DEFAULT_DB_ALIAS].ops.quote_name(name)
