"""Rows for who reads a lot of them: in binary, which psycopg's C reads into what Django's fields would make of it."""

from collections.abc import Sequence
from typing import Any

import msgspec
from django.db import connection
from django.db.models import QuerySet
from psycopg import Cursor
from psycopg.types.json import set_json_loads

type BareRow = tuple[Any, ...]


def bare_rows(query: str, parameters: Sequence[object]) -> list[BareRow]:
    connection.ensure_connection()
    with Cursor(connection.connection) as cursor:
        set_json_loads(msgspec.json.decode, cursor)
        return cursor.execute(query, parameters, binary=True).fetchall()


def bare_values(rows: QuerySet[Any, BareRow]) -> list[BareRow]:
    """Of a values_list()."""
    return bare_rows(*rows.query.sql_with_params())
