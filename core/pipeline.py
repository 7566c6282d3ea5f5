"""Many statements in one exchange with PostgreSQL: libpq's pipeline mode, through psycopg's binding of libpq.

psycopg's own `Connection.pipeline()` sends each statement when it is executed, and looks for answers each time. Twenty
statements cost three times what they cost here, in this process and in the server, which wakes up for each of them.
Source: postgresql.org/docs/current/libpq-pipeline-mode.html, psycopg.org/psycopg3/docs/api/pq.html
"""

import re
import select
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from itertools import count
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import psycopg
from psycopg import abc
from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import error_from_result
from psycopg.pq import ConnStatus, ExecStatus
from psycopg.pq.abc import PGconn, PGresult

# A statement is prepared when it is sent for the third time, as long as a connection has not prepared so many.
OFTEN = 3
PREPARED_AT_MOST = 200
COUNTED_AT_MOST = 1000
CARRIED_OUT = {ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK}

type Row = tuple[Any, ...]
type Text = tuple[str, tuple[int, ...]]


class Statement(NamedTuple):
    """SQL with a `%s` for each parameter; `refusal` is raised where a unique key or another constraint refuses it."""

    sql: str
    params: tuple[Any, ...] = ()
    refusal: Exception | None = None


class Answer(NamedTuple):
    """`tag` is PostgreSQL's own: `INSERT 0 1`, `COMMIT`."""

    tag: str
    rows: list[Row]


class PreparedStatements:
    """Those of one connection, by their text and the types of their parameters."""

    def __init__(self) -> None:
        self.names: dict[Text, bytes] = {}
        self.numbers = count()
        self.seen = Counter[Text]()

    def is_to_be_prepared(self, text: Text) -> bool:
        if len(self.names) >= PREPARED_AT_MOST:
            return False
        if len(self.seen) > COUNTED_AT_MOST:  # texts that came once, as of many rows at a time
            self.seen.clear()
        self.seen[text] += 1
        return self.seen[text] >= OFTEN


_prepared: "WeakKeyDictionary[psycopg.Connection[Any], PreparedStatements]" = WeakKeyDictionary()


class Sent(NamedTuple):
    """A message to the server; `prepares` is the name that a statement gets by it, the others are to be answered."""

    statement: Statement
    adapter: abc.Transformer
    text: Text
    prepares: bytes = b""


def exchange(database: "psycopg.Connection[Any]", statements: Sequence[Statement]) -> list[Answer]:
    """Carry statements out in order, up to the first that fails. Raises psycopg's errors, or a statement's refusal."""
    wire, prepared = database.pgconn, _prepared.setdefault(database, PreparedStatements())
    wire.enter_pipeline_mode()
    try:
        sent = [message for statement in statements for message in send(database, prepared, statement)]
        wire.pipeline_sync()
        flush(wire)
        results = [next_result(wire) for _ in sent]
        next_result(wire)  # that of the sync
        wire.exit_pipeline_mode()
    except BaseException:
        database.close()  # nobody knows how far it got
        raise
    return [answer for message, result in zip(sent, results, strict=True) for answer in read(prepared, message, result)]


def send(database: "psycopg.Connection[Any]", prepared: PreparedStatements, statement: Statement) -> list[Sent]:
    wire, sql, adapter = database.pgconn, numbered(statement.sql), Transformer(database)
    params = adapter.dump_sequence(statement.params, [PyFormat.AUTO] * len(statement.params))
    types, formats = adapter.types or (), adapter.formats
    answered = Sent(statement, adapter, (statement.sql, types))
    name = prepared.names.get(answered.text)
    if name is not None:
        wire.send_query_prepared(name, params, formats)
        return [answered]
    if not prepared.is_to_be_prepared(answered.text):
        wire.send_query_params(sql, params, types, formats)
        return [answered]
    name = b"trip_%d" % next(prepared.numbers)
    wire.send_prepare(name, sql, types)
    wire.send_query_prepared(name, params, formats)
    return [answered._replace(prepares=name), answered]


@lru_cache(maxsize=1000)
def numbered(sql: str) -> bytes:
    numbers = count(1)
    return re.sub("%s", lambda _: f"${next(numbers)}", sql).encode()


def flush(wire: PGconn) -> None:
    """Send all that is to be sent, and take in what is answered meanwhile, lest both sides wait for each other."""
    ready = select.poll()
    ready.register(wire.socket, select.POLLIN | select.POLLOUT)
    while wire.flush():
        if any(event & select.POLLIN for _, event in ready.poll()):
            wire.consume_input()


def next_result(wire: PGconn) -> PGresult:
    ready = select.poll()
    ready.register(wire.socket, select.POLLIN)
    while wire.is_busy():
        ready.poll()
        wire.consume_input()
    result = wire.get_result()
    if result is None or wire.status == ConnStatus.BAD:
        raise psycopg.OperationalError("the connection was lost")
    if result.status != ExecStatus.PIPELINE_SYNC:
        wire.get_result()  # None: the end of one statement's results
    return result


def read(prepared: PreparedStatements, message: Sent, result: PGresult) -> list[Answer]:
    if result.status not in CARRIED_OUT:
        error = error_from_result(result)
        if isinstance(error, psycopg.IntegrityError) and message.statement.refusal is not None:
            raise message.statement.refusal from error
        raise error
    if message.prepares:
        prepared.names[message.text] = message.prepares
        return []
    adapter = message.adapter
    adapter.set_pgresult(result)
    tag = (result.command_status or b"").decode()
    return [Answer(tag, adapter.load_rows(0, result.ntuples, tuple))]
