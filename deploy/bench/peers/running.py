"""The peers' servers: the same gunicorn, the same configuration, PostgreSQL of the same server."""

import json
import os
import secrets
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict

from deploy.bench.contender import Evidence, Meter, Posted
from deploy.bench.cpu import find_postmaster
from deploy.bench.peers.environment import python_with
from deploy.bench.scratch import free_port
from deploy.bench.specimen import Specimen
from deploy.bench.subject import Serving, complete_in, signed, started, wait_until_open

PEERS = Path(__file__).parent
DJSTRIPE = PEERS / "with_djstripe"
APPLICATION = "django.core.wsgi:get_wsgi_application()"
# As libpq names what its connection URLs hold.
LIBPQ = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "password": "PGPASSWORD", "dbname": "PGDATABASE"}
EVENTS, SESSIONS = "SELECT count(*) FROM djstripe_event", "SELECT count(*) FROM djstripe_session"
TRIGGERS = "SELECT count(*) FROM djstripe_webhookeventtrigger"
VERIFIED, PROCESSED = f"{TRIGGERS} WHERE valid AND exception = ''", f"{TRIGGERS} WHERE processed"
# What a delivery leaves behind with each of DELIVERIES, by the contender's name.
TRACES = {
    "processed": {
        "dj-stripe": {VERIFIED: 1, PROCESSED: 1, EVENTS: 1, SESSIONS: 1},
        "dj-stripe, duplicate": {VERIFIED: 1, PROCESSED: 1, EVENTS: 0, SESSIONS: 0},
    },
    "stored": {"dj-stripe, stores only": {VERIFIED: 1, PROCESSED: 1, EVENTS: 1, SESSIONS: 0}},
    "callback": {"dj-stripe, callback": {VERIFIED: 1, PROCESSED: 0, EVENTS: 0, SESSIONS: 0}},
}
PAID = "SELECT count(*) FROM textbook_order WHERE state = 'paid'"


def posting_to(path: str, *, specimen: Specimen, secret: str) -> Callable[[int], bytes]:
    """The delivery of a number."""
    return lambda number: signed(path, specimen.copied(specimen.payload, number), secret)


def environment_of(settings: str, database_url: str, **more: str) -> dict[str, str]:
    """Nothing of ours is in it but what every process needs."""
    given = conninfo_to_dict(database_url)
    named = {variable: str(given[name]) for name, variable in LIBPQ.items() if name in given}
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    return (
        kept | named | {"DJANGO_SETTINGS_MODULE": settings, "WEBHOOK_SECRET": f"whsec_{secrets.token_hex(16)}", **more}
    )


@contextmanager
def serving(name: str, python: str, environment: Mapping[str, str]) -> Iterator[Serving]:
    """gunicorn as our own side has it."""
    port = free_port()
    command = [python, "-m", "gunicorn", APPLICATION, "--config", "deploy/gunicorn.py", "--chdir", str(PEERS)]
    with started(name, command, {**environment, "PORT": str(port)}) as server:
        wait_until_open(server, port)
        yield Serving(port, server.process.pid)


@contextmanager
def running_textbook(database_url: str, specimen: Specimen) -> Iterator[list[Posted]]:
    """The tutorials' view, one that verifies signatures alone, one that does nothing: all in our own environment."""
    environment = environment_of("textbook.settings", database_url)
    complete_in(PEERS, sys.executable, environment, "-m", "django", "migrate", "--run-syncdb", "--verbosity=0")
    postmaster = find_postmaster(database_url)
    posting = partial(posting_to, specimen=specimen, secret=environment["WEBHOOK_SECRET"])

    def make_orders(numbers: range) -> None:
        made = "INSERT INTO textbook_order (id, state) SELECT id, 'pending' FROM generate_series(%s::bigint, %s) AS id"
        with psycopg.connect(database_url) as connection:
            connection.execute(made, [numbers.start, numbers.stop - 1])

    with serving("textbook", sys.executable, environment) as (port, process):
        yield [
            Posted(
                name="textbook view",
                port=port,
                meter=Meter([process, postmaster]),
                request=posting("/textbook/"),
                databases=[database_url],
                make=make_orders,
                evidence=[Evidence(database_url, PAID)],
            ),
            Posted(name="signature only", port=port, meter=Meter([process]), request=posting("/signature/")),
            Posted(name="empty view", port=port, meter=Meter([process]), request=posting("/nothing/")),
        ]


@contextmanager
def running_djstripe(database_url: str, specimen: Specimen, variants: Sequence[str]) -> Iterator[list[Posted]]:
    """dj-stripe in an environment of its own; `variants` are values of DELIVERIES in its settings, a server each."""
    python = str(python_with(DJSTRIPE / "requirements.txt"))
    endpoint, stripe_port = str(uuid.uuid4()), free_port()
    environment = environment_of(
        "with_djstripe.settings",
        database_url,
        STRIPE_API_BASE=f"http://127.0.0.1:{stripe_port}",
        STRIPE_SECRET_KEY=f"sk_live_{secrets.token_hex(16)}",
    )
    complete_in(PEERS, python, environment, "-m", "django", "migrate", "--run-syncdb", "--verbosity=0")
    complete_in(PEERS, python, environment, "-m", "with_djstripe.prepare", endpoint)
    path = f"/stripe/webhook/{endpoint}/"
    posting = posting_to(path, specimen=specimen, secret=environment["WEBHOOK_SECRET"])
    postmaster = find_postmaster(database_url)
    with ExitStack() as servers:
        servers.enter_context(standing_in(specimen, stripe_port))
        posted: list[Posted] = []
        for variant in variants:
            serves = servers.enter_context(
                serving(f"dj-stripe, {variant}", python, environment | {"DELIVERIES": variant})
            )
            posted += [
                Posted(
                    name=name,
                    port=serves.port,
                    meter=Meter([serves.process, postmaster]),
                    request=posting,
                    databases=[database_url],
                    evidence=[Evidence(database_url, query, each) for query, each in traces.items()],
                    again=name == "dj-stripe, duplicate",
                )
                for name, traces in TRACES[variant].items()
            ]
        yield posted


@contextmanager
def standing_in(specimen: Specimen, port: int) -> Iterator[None]:
    """Answers the one thing that dj-stripe asks Stripe for; without an intent, of which it would ask too."""
    session = json.loads(specimen.payload)["data"]["object"] | {"payment_intent": None}
    with tempfile.TemporaryDirectory() as folder:
        template = Path(folder) / "session.json"
        template.write_text(json.dumps(session))
        command = [sys.executable, str(DJSTRIPE / "stand_in.py"), str(port), str(template)]
        with started("stand-in", command, os.environ) as server:
            wait_until_open(server, port)
            yield
