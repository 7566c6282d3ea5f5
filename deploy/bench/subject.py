"""The shop in its production configuration, and what is sent to it."""

import pwd
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import msgspec
import psycopg

from deploy.bench.contender import Evidence, Meter, Posted
from deploy.bench.cpu import find_postmaster
from deploy.bench.load import http_request
from deploy.bench.scratch import free_port
from deploy.bench.specimen import ENDPOINT, Specimen
from deploy.check import production
from deploy.processes import ROOT, Child, StepError
from deploy.run import answers
from simulator.webhooks import sign

READY_SECONDS = 60
END_SECONDS = 10
PAID = "SELECT count(*) FROM orders_order WHERE state = 'paid'"
DELIVERED = "SELECT count(*) FROM webhooks_delivery"
RECORDED = "SELECT count(*) FROM core_event"


class Subject:
    """A server with its database; orders are made before they are paid, so that paying alone is measured."""

    def __init__(self, environment: Mapping[str, str], specimen: Specimen, process: int) -> None:
        self.database_url = environment["DATABASE_URL"]
        self.specimen = specimen
        self.meter = Meter([process, find_postmaster(self.database_url)])
        self.port = int(environment["PORT"])
        self._secret = environment["STRIPE_DEFAULT_WEBHOOK_SECRETS"]

    def make_orders(self, numbers: range) -> None:
        with psycopg.connect(self.database_url) as connection:
            self.specimen.copy_rows(connection, numbers)

    def delivery(self, number: int) -> bytes:
        """It pays the order of this number."""
        return signed(ENDPOINT, self.specimen.copied(self.specimen.payload, number), self._secret)

    def delivery_about(self, order: int, number: int) -> bytes:
        """One of many about the same order: only the event is another one."""
        payload, event = (
            self.specimen.copied(self.specimen.payload, order),
            self.specimen.copied(self.specimen.event, order),
        )
        return signed(ENDPOINT, payload.replace(event, f"{event}_{number}"), self._secret)

    def paying(self, name: str) -> Posted:
        return self._posted(name, again=False, evidence=[self.evidence(PAID), self.evidence(DELIVERED)])

    def paying_again(self, name: str) -> Posted:
        return self._posted(name, again=True, evidence=[self.evidence(DELIVERED, 0), self.evidence(RECORDED, 0)])

    def evidence(self, query: str, each: int = 1) -> Evidence:
        return Evidence(self.database_url, query, each)

    def _posted(self, name: str, *, again: bool, evidence: list[Evidence]) -> Posted:
        return Posted(
            name=name,
            port=self.port,
            meter=self.meter,
            request=self.delivery,
            databases=[self.database_url],
            make=self.make_orders,
            evidence=evidence,
            again=again,
        )


def signed(path: str, payload: str, secret: str) -> bytes:
    """A delivery as Stripe posts it: docs.stripe.com/webhooks#verify-manually."""
    body = payload.encode()
    signature = sign(body, secret, int(time.time()))
    return http_request("POST", path, body, Content_Type="application/json", Stripe_Signature=signature)


@contextmanager
def running_subject(database_url: str, *, processes: int = 2, served_by: str = "") -> Iterator[Subject]:
    """`served_by`: another way to the same database, for the server alone. Raises StepError when it can't be made or
    doesn't start.
    """
    environment = production(database_url) | {
        "DJANGO_ALLOWED_HOSTS": "127.0.0.1",
        # Nobody logs in; that of the demo, if it is set, would be refused.
        "DJANGO_SUPERUSER_PASSWORD": "",
        "PORT": str(free_port()),
    }
    complete(environment, "manage.py", "migrate", "--verbosity=0")
    specimen = msgspec.json.decode(complete(environment, "-m", "deploy.bench.delivery"), type=Specimen)
    serving = {"WEB_CONCURRENCY": str(processes), "DATABASE_URL": served_by or database_url}
    with serving_shop(environment | serving) as server:
        yield Subject(environment, specimen, server.process)


class Serving(NamedTuple):
    port: int
    process: int


@contextmanager
def serving_shop(environment: Mapping[str, str]) -> Iterator[Serving]:
    """Its gunicorn, on the environment's PORT. Raises StepError when it doesn't start."""
    command = [sys.executable, "-m", "gunicorn", "core.wsgi", "--config", "deploy/gunicorn.py"]
    with started("web", command, environment) as server:
        wait_for_answer(server, int(environment["PORT"]), "/readyz")
        yield Serving(int(environment["PORT"]), server.process.pid)


@contextmanager
def started(
    name: str, command: list[str], environment: Mapping[str, str], user: pwd.struct_passwd | None = None
) -> Iterator[Child]:
    """A server, in the project's folder; it is ended at the end."""
    with tempfile.TemporaryDirectory() as folder:
        server = Child(name, command, log=Path(folder) / f"{name}.log", env=environment, user=user)
        try:
            yield server
        finally:
            server.end(END_SECONDS)


def complete(environment: Mapping[str, str], *arguments: str) -> str:
    """The output of the project's Python."""
    return complete_in(ROOT, sys.executable, environment, *arguments)


def complete_in(folder: Path, python: str, environment: Mapping[str, str], *arguments: str) -> str:
    """The output of a Python that runs in this folder."""
    done = subprocess.run(
        [python, *arguments], cwd=folder, env=environment, check=False, capture_output=True, text=True
    )
    if done.returncode:
        raise StepError(f"{' '.join(arguments)} failed:\n{done.stderr}")
    return done.stdout


def wait_until_open(server: Child, port: int) -> None:
    """Raises StepError when nothing listens there in time."""
    deadline = time.monotonic() + READY_SECONDS
    while True:
        server.check()
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if time.monotonic() > deadline:
                raise StepError(f"{server.name} did not open its port in {READY_SECONDS} s") from None
            time.sleep(0.05)
        else:
            return


def wait_for_answer(server: Child, port: int, path: str) -> None:
    """Raises StepError when none comes, or the server ends."""
    deadline = time.monotonic() + READY_SECONDS
    while not answers(port, path):
        server.check()
        if time.monotonic() > deadline:
            raise StepError(f"{server.name} did not answer {path} in {READY_SECONDS} s")
        time.sleep(0.1)
