"""The database alone: transactions sent by PostgreSQL's own pgbench."""

import re
import shutil
from pathlib import Path

import psycopg

from deploy.bench.specimen import Specimen
from deploy.postgres_binaries import find_programs, server_user
from deploy.processes import StepError

LOCK = re.compile(r"pg_advisory_xact_lock\( ?-?\d+\), pg_advisory_xact_lock\( ?-?\d+\)")
# What a delivery needs at the least: its row, unique; the order's lock, and its new state; the event, unique.
TABLES = """
    CREATE TABLE delivery (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, event_id text UNIQUE, payload text,
        received_at timestamptz);
    CREATE TABLE paid_order (id bigint PRIMARY KEY, state text, version int, digest bytea);
    CREATE TABLE event (position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, stream text, version int, kind text,
        data jsonb, digest bytea, recorded_at timestamptz, UNIQUE (stream, version));
"""
TRACES = ("SELECT count(*) FROM delivery", "SELECT count(*) FROM event")
SIX_STATEMENTS = """BEGIN;
INSERT INTO delivery (event_id, payload, received_at) VALUES ('evt_:order', $payload${payload}$payload$, now());
SELECT state, version, digest FROM paid_order WHERE id = :order FOR UPDATE;
UPDATE paid_order SET state = 'paid', version = 2, digest = sha256(digest) WHERE id = :order;
INSERT INTO event (stream, version, kind, data, digest, recorded_at) VALUES
    ('order-:order', 2, 'order.paid', '{{"amount": 1850, "currency": "usd"}}', sha256('2'), now());
COMMIT;
"""


def find_pgbench() -> Path:
    """That of the embedded server, else the system's. Raises StepError when there is none."""
    try:
        beside_the_server = find_programs(server_user()).folder / "pgbench"
    except StepError:
        beside_the_server = Path()
    if beside_the_server.is_file():
        return beside_the_server
    on_path = shutil.which("pgbench")
    if on_path is None:
        raise StepError("there is no pgbench: it comes with PostgreSQL (Debian: postgresql-contrib)")
    return Path(on_path)


def six_statements(specimen: Specimen) -> str:
    """The payload is another one each time, and as long as ours."""
    return SIX_STATEMENTS.format(payload=specimen.copied(specimen.payload, ":order"))


def make_tables(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute(TABLES)


def make_orders(database_url: str, numbers: range) -> None:
    made = "INSERT INTO paid_order SELECT id, 'pending', 1, sha256('1') FROM generate_series(%s::bigint, %s) AS id"
    with psycopg.connect(database_url) as connection:
        connection.execute(made, [numbers.start, numbers.stop - 1])


def same_statements(specimen: Specimen) -> str:
    """What our own side sends for one delivery; its event and its payment have keys of their own."""
    statements = [specimen.copied(statement.strip(), ":order") for statement in specimen.statements]
    locks = "pg_advisory_xact_lock(2 * :order), pg_advisory_xact_lock(2 * :order + 1)"
    return "".join(f"{LOCK.sub(locks, statement)};\n" for statement in statements)
