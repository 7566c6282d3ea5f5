"""Round trips to PostgreSQL: statements that are sent together, inside Django's transactions.

Waiting for an answer costs both sides more than most statements do. Here the first trip of a transaction carries BEGIN
and the last one COMMIT. Django need not know: psycopg leaves a transaction alone that is open, and commits none that is
over. Why so: docs/decisions/0026-two-trips.md
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import psycopg
from django.db import DEFAULT_DB_ALIAS, connection, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg.pq import TransactionStatus

from core.pipeline import Answer, Row, Statement, exchange

BEGIN, COMMIT = Statement("BEGIN"), Statement("COMMIT")

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


def finish_writing() -> None:
    """What was written is done now, or refused."""
    travel(take_unsent())


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
                finish_writing()
        finally:
            _unsent.reset(token)


def send_before(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:  # noqa: FBT001 as Django calls it
    """Around each of the ORM's statements: first what was written before."""
    unsent = take_unsent()
    # What is unsent when a savepoint is rolled back was written in it: that it begins sends all that was before.
    if not sql.startswith("ROLLBACK TO SAVEPOINT"):
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
    if not statements:
        return []
    database = connections[DEFAULT_DB_ALIAS]
    database.validate_no_broken_transaction()
    database.close_if_health_check_failed()
    database.ensure_connection()
    started = time.perf_counter()
    with database.wrap_database_errors:
        answers = exchange_in_transaction(database, statements)
    if database.queries_logged:
        note_queries(database, statements, time.perf_counter() - started)
    if statements[-1] is COMMIT and answers[-1].tag != COMMIT.sql:
        raise NotCommittedError
    return [answer.rows for answer in answers]


def exchange_in_transaction(database: BaseDatabaseWrapper, statements: Sequence[Statement]) -> list[Answer]:
    """Behind a BEGIN where Django says that a transaction is open, and none is yet."""
    psycopg_connection = database.connection
    if not database.in_atomic_block or psycopg_connection.pgconn.transaction_status != TransactionStatus.IDLE:
        return exchange(psycopg_connection, statements)
    # psycopg's: it would send a BEGIN of its own before the next of the ORM's statements.
    psycopg_connection.autocommit = True
    _, *answers = exchange(psycopg_connection, [BEGIN, *statements])
    return answers


def note_queries(database: BaseDatabaseWrapper, statements: Sequence[Statement], seconds: float) -> None:
    """For whoever has Django note its queries, as if it had made these."""
    bound = psycopg.ClientCursor(database.connection)
    for sql, params, _ in statements:
        if sql != COMMIT.sql:  # which Django notes by itself
            database.queries_log.append({"sql": bound.mogrify(sql, params), "time": f"{seconds:.3f}"})
