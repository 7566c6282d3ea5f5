"""A model's rows by statements of static text, which PostgreSQL prepares once; the ORM composes its own anew each time.

Values are adapted as the ORM adapts them. Nothing is computed here: no defaults, no expressions, no signals.
"""

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

from django.db import connection
from django.db.models import Field, Model
from django.db.models.expressions import DatabaseDefault

from core.trips import Row, Statement

type AnyField = Field[Any, Any]


def fields_of(model: type[Model], without: tuple[str, ...] = ()) -> list[AnyField]:
    return [field for field in model._meta.concrete_fields if field.name not in without]


def primary_key(model: type[Model]) -> AnyField:
    key: AnyField = model._meta.pk
    return key


def table_of(model: type[Model]) -> str:
    return connection.ops.quote_name(model._meta.db_table)


def column_of(field: AnyField) -> str:
    name: Any = field.column  # of a concrete field there is one
    return connection.ops.quote_name(name)


@cache
def selection(model: type[Model], without: tuple[str, ...]) -> str:
    columns = ", ".join(column_of(field) for field in fields_of(model, without))
    return f"SELECT {columns} FROM {table_of(model)}"


def select_rows(
    model: type[Model], condition: Statement, *, without: tuple[str, ...] = (), locked: bool = False
) -> Statement:
    """The rows that fulfil a condition, for `rows_from`; those of `without` are left out, to be read when needed."""
    lock = " FOR UPDATE" if locked else ""
    return Statement(f"{selection(model, without)} WHERE {condition.sql}{lock}", condition.params)


def rows_from[Any_: Model](model: type[Any_], found: Iterable[Row], *, without: tuple[str, ...] = ()) -> list[Any_]:
    """The model's instances, of what `select_rows` brought."""
    names, converters = how_to_read(model, without)
    return [model.from_db(connection.alias, names, converted(row, converters)) for row in found]


@cache
def how_to_read(model: type[Model], without: tuple[str, ...]) -> tuple[list[str], list[tuple[int, AnyField]]]:
    """The attributes' names, and which columns their fields make something else of."""
    fields = fields_of(model, without)
    return [field.attname for field in fields], [
        (index, field) for index, field in enumerate(fields) if hasattr(field, "from_db_value")
    ]


def converted(row: Row, converters: Sequence[tuple[int, Any]]) -> Sequence[Any]:
    values = list(row)
    for index, field in converters:
        values[index] = field.from_db_value(values[index], None, connection)
    return values


def insert_rows(rows: Sequence[Model], *, refusal: Exception | None = None) -> Statement:
    """In one statement; columns that the database fills stay out. `rows` are of one model, and at least one."""
    fields = [field for field in fields_of(type(rows[0])) if is_given(rows[0], field)]
    columns = ", ".join(column_of(field) for field in fields)
    one = f"({', '.join(['%s'] * len(fields))})"
    table = table_of(type(rows[0]))
    return Statement(
        f"INSERT INTO {table} ({columns}) VALUES {', '.join([one] * len(rows))}",
        tuple(adapted(row, field) for row in rows for field in fields),
        refusal,
    )


def upsert_rows(rows: Sequence[Model]) -> Statement:
    """In one statement, by their primary keys."""
    inserted, key = insert_rows(rows), primary_key(type(rows[0]))
    names = [column_of(field) for field in fields_of(type(rows[0])) if field is not key]
    updates = ", ".join(f"{name} = EXCLUDED.{name}" for name in names)
    return inserted._replace(sql=f"{inserted.sql} ON CONFLICT ({column_of(key)}) DO UPDATE SET {updates}")


def update_row(row: Model, names: Sequence[str] = ()) -> Statement:
    """The fields of these names, or all."""
    key = primary_key(type(row))
    fields = [field for field in fields_of(type(row)) if field is not key and (not names or field.name in names)]
    values = ", ".join(f"{column_of(field)} = %s" for field in fields)
    table = table_of(type(row))
    return Statement(
        f"UPDATE {table} SET {values} WHERE {column_of(key)} = %s",
        tuple(adapted(row, field) for field in [*fields, key]),
    )


def delete_rows(model: type[Model], keys: Iterable[object]) -> Statement:
    key = primary_key(model)
    table = table_of(model)
    return Statement(
        f"DELETE FROM {table} WHERE {column_of(key)} = ANY(%s)",
        ([key.get_db_prep_save(one, connection) for one in keys],),
    )


def by_key(model: type[Model], value: object) -> Statement:
    """The value of its primary key, to be compared with."""
    return Statement("%s", (primary_key(model).get_db_prep_save(value, connection),))


def is_given(row: Model, field: AnyField) -> bool:
    value = getattr(row, field.attname)
    return not isinstance(value, DatabaseDefault) and not (value is None and field.primary_key)


def adapted(row: Model, field: AnyField) -> Any:
    return field.get_db_prep_save(getattr(row, field.attname), connection)
