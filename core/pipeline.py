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
from psycopg.pq import ConnStatus, ExecStatus, Format
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


class Session:
    """Kept of a connection: how values are adapted for it, and the statements that it has prepared, by their text
    and the types of their parameters.
    """

    def __init__(self, database: "psycopg.Connection[Any]") -> None:
        self.adapter: abc.Transformer = Transformer(database)
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


_sessions: "WeakKeyDictionary[psycopg.Connection[Any], Session]" = WeakKeyDictionary()


class Bound(NamedTuple):
    """A statement with its parameters as they are sent."""

    statement: Statement
    params: "Sequence[abc.Buffer | None]"
    types: tuple[int, ...]
    formats: Sequence[Format]

    @property
    def text(self) -> Text:
        return self.statement.sql, self.types


class Sent(NamedTuple):
    """A message to the server; `prepares` is the name that a statement gets by it, the others are to be answered."""

    bound: Bound
    prepares: bytes = b""


def exchange(database: "psycopg.Connection[Any]", statements: Sequence[Statement]) -> list[Answer]:
    """Carry statements out in order, up to the first that fails. Raises psycopg's errors, or a statement's refusal."""
    wire, session = database.pgconn, _sessions.get(database)
    if session is None:
        session = _sessions[database] = Session(database)
    # What can't be sent is refused before anything is.
    bound = [bind(session.adapter, statement) for statement in statements]
    wire.enter_pipeline_mode()
    try:
        sent = [message for one in bound for message in send(wire, session, one)]
        wire.pipeline_sync()
        flush(wire)
        results = [next_result(wire) for _ in sent]
        next_result(wire)  # that of the sync
        wire.exit_pipeline_mode()
    except BaseException:
        database.close()  # nobody knows how far it got
        raise
    pairs = zip(sent, results, strict=True)
    return [answer for message, result in pairs for answer in read(session, message, result)]


def bind(adapter: abc.Transformer, statement: Statement) -> Bound:
    params = adapter.dump_sequence(statement.params, [PyFormat.AUTO] * len(statement.params))
    return Bound(statement, params, adapter.types or (), adapter.formats or ())


def send(wire: PGconn, session: Session, bound: Bound) -> list[Sent]:
    statement, params, types, formats = bound
    sql, name = numbered(statement.sql), session.names.get(bound.text)
    if name is not None:
        wire.send_query_prepared(name, params, formats)
        return [Sent(bound)]
    if not session.is_to_be_prepared(bound.text):
        wire.send_query_params(sql, params, types, formats)
        return [Sent(bound)]
    name = b"trip_%d" % next(session.numbers)
    wire.send_prepare(name, sql, types)
    wire.send_query_prepared(name, params, formats)
    return [Sent(bound, prepares=name), Sent(bound)]


@lru_cache(maxsize=1000)
def numbered(sql: str) -> bytes:
    numbers = count(1)
    return re.sub("%s", lambda _: f"${next(numbers)}", sql).encode()


def flush(wire: PGconn) -> None:
    """Send all that is to be sent, and take in what is answered meanwhile, lest both sides wait for each other."""
    while wire.flush():
        if wait(wire, select.POLLIN | select.POLLOUT) & select.POLLIN:
            wire.consume_input()


def next_result(wire: PGconn) -> PGresult:
    while wire.is_busy():
        wait(wire, select.POLLIN)
        wire.consume_input()
    result = wire.get_result()
    if result is None or wire.status == ConnStatus.BAD:
        raise psycopg.OperationalError("the connection was lost")
    if result.status != ExecStatus.PIPELINE_SYNC:
        wire.get_result()  # None: the end of one statement's results
    return result


def wait(wire: PGconn, events: int) -> int:
    """Until one of these can be; which can be. Other threads go on meanwhile."""
    ready = select.poll()
    ready.register(wire.socket, events)
    [(_, happened)] = ready.poll()
    return happened


def read(session: Session, message: Sent, result: PGresult) -> list[Answer]:
    if result.status not in CARRIED_OUT:
        error = error_from_result(result)
        if isinstance(error, psycopg.IntegrityError) and message.bound.statement.refusal is not None:
            raise message.bound.statement.refusal from error
        raise error
    if message.prepares:
        session.names[message.bound.text] = message.prepares
        return []
    tag = (result.command_status or b"").decode()
    if not result.ntuples:
        return [Answer(tag, [])]
    session.adapter.set_pgresult(result)
    return [Answer(tag, session.adapter.load_rows(0, result.ntuples, tuple))]
