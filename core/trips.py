"""Round trips to PostgreSQL: statements that are sent together, inside Django's transactions.

Waiting for an answer costs both sides more than most statements do. psycopg's pipeline sends many at once, but inside
`atomic()` it waits for the BEGIN that it sends by itself, and COMMIT is waited for again. Here the first trip of a
transaction carries BEGIN and the last one COMMIT. Django need not know: psycopg leaves a transaction alone that is
open, and commits none that is over.

Statements are bound by the server and prepared (settings.DATABASES, `prepare_threshold`), so their text should be
static. Why so: docs/decisions/0026-two-trips.md.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple

import psycopg
from django.db import IntegrityError, connection, transaction
from psycopg.pq import TransactionStatus

type Row = tuple[Any, ...]


class Statement(NamedTuple):
    """`refusal` is what is raised where a unique key, or another constraint, refuses it."""

    sql: str
    params: tuple[Any, ...] = ()
    refusal: Exception | None = None


COMMIT = Statement("COMMIT")

# What was written in the transaction that is open, and not sent yet; None where everything is sent at once.
_unsent: ContextVar[list[Statement] | None] = ContextVar("unsent", default=None)


class NotCommittedError(Exception):
    """PostgreSQL ended a transaction that was to be committed, and kept nothing of it."""


def ask(*statements: Statement) -> list[list[Row]]:
    """The rows of each, in one round trip. What was written before goes first."""
    before = take_unsent()
    return travel([*before, *statements])[len(before) :]


def write(*statements: Statement) -> None:
    """Carry these out, in one round trip; inside `transaction_in_trips` with its next one."""
    unsent = _unsent.get()
    if unsent is None:
        travel(statements)
    else:
        unsent += statements


@contextmanager
def transaction_in_trips() -> Iterator[None]:
    """`atomic(durable=True)` in which what is written waits for the next question, and the last of it for COMMIT.

    Whatever the ORM is asked for inside finds it done: nothing overtakes what was written before it.
    """
    with transaction.atomic(durable=True), connection.execute_wrapper(send_before):
        token = _unsent.set([])
        try:
            yield
            if len(connection.atomic_blocks) == 1:
                travel([*take_unsent(), COMMIT])
            else:  # a test may have a transaction around this one
                travel(take_unsent())
        finally:
            _unsent.reset(token)


def send_before(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:  # noqa: FBT001 as Django calls it
    """Around each of the ORM's statements: first what was written before."""
    unsent = take_unsent()
    # That of a savepoint which is rolled back need not be done first. A savepoint begins with nothing unsent.
    if unsent and not sql.startswith("ROLLBACK TO SAVEPOINT"):
        travel(unsent)
    return execute(sql, params, many, context)


def take_unsent() -> list[Statement]:
    unsent = _unsent.get()
    if not unsent:
        return []
    taken = list(unsent)
    unsent.clear()
    return taken


def travel(statements: Sequence[Statement]) -> list[list[Row]]:
    """One round trip. Raises Django's database errors, or the refusal of the statement that was refused."""
    connection.validate_no_broken_transaction()
    connection.ensure_connection()
    started = time.perf_counter()
    cursors: list[psycopg.Cursor[Row]] = []
    try:
        with connection.wrap_database_errors, pipeline(connection.connection):
            for statement in statements:
                cursors.append(psycopg.Cursor(connection.connection))
                cursors[-1].execute(statement.sql, statement.params)
    except IntegrityError as error:
        refused = next(one for one, cursor in zip(statements, cursors, strict=False) if cursor.pgresult is None)
        if refused.refusal is None:
            raise
        raise refused.refusal from error
    note_queries(statements, time.perf_counter() - started)
    if statements and statements[-1] is COMMIT and cursors[-1].statusmessage != COMMIT.sql:
        raise NotCommittedError
    return [cursor.fetchall() if cursor.description else [] for cursor in cursors]


@contextmanager
def pipeline(database: psycopg.Connection[Any]) -> Iterator[None]:
    """psycopg's, behind a BEGIN where Django says that a transaction is open, and none is yet."""
    begins = connection.in_atomic_block and database.pgconn.transaction_status == TransactionStatus.IDLE
    if begins:
        database.autocommit = True  # else psycopg sends a BEGIN of its own, and waits for it
    with database.pipeline():
        if begins:
            psycopg.Cursor(database).execute("BEGIN")
        yield


def note_queries(statements: Sequence[Statement], seconds: float) -> None:
    """For whoever has Django note its queries, as if it had made these."""
    if connection.queries_logged:
        bound = psycopg.ClientCursor(connection.connection)
        for sql, params, _ in statements:
            if sql != COMMIT.sql:  # which Django notes by itself
                connection.queries_log.append({"sql": bound.mogrify(sql, params), "time": f"{seconds:.3f}"})
