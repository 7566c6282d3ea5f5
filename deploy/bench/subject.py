"""The shop in its production configuration, and what is sent to it."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import psycopg

from deploy.bench.load import ENDPOINT, Load, http_request, send_all
from deploy.bench.scratch import free_port
from deploy.bench.specimen import Specimen
from deploy.check import production
from deploy.processes import ROOT, Child, StepError
from deploy.run import answers
from simulator.webhooks import sign

FIRST_COPY = 910_000_000_000
READY_SECONDS = 30
END_SECONDS = 10


class Subject:
    """A server with its database; orders are made before they are paid, so that paying alone is measured."""

    def __init__(self, environment: dict[str, str], specimen: Specimen) -> None:
        self.database_url = environment["DATABASE_URL"]
        self.specimen = specimen
        self._port = int(environment["PORT"])
        self._secret = environment["STRIPE_DEFAULT_WEBHOOK_SECRETS"]
        self._next_copy = FIRST_COPY

    def make_orders(self, count: int) -> range:
        """Their numbers."""
        numbers = range(self._next_copy, self._next_copy + count)
        self._next_copy = numbers.stop
        with psycopg.connect(self.database_url) as connection:
            self.specimen.copy_rows(connection, numbers)
        return numbers

    def settle(self) -> None:
        """What PostgreSQL would do in the background after so many rows, done before anything is measured."""
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")
            connection.execute("CHECKPOINT")

    def deliver(self, numbers: range) -> Load:
        """Pay these orders, a delivery each."""
        load = send_all(self._port, [self._delivery(number) for number in numbers])
        self.refuse_unless_paid(numbers)
        return load

    def refuse_unless_paid(self, numbers: range) -> None:
        """Raises StepError: what was measured did not do its work."""
        paid = "SELECT count(*) FROM orders_order WHERE state = 'paid' AND id BETWEEN %s AND %s"
        with psycopg.connect(self.database_url) as connection:
            [count] = connection.execute(paid, [numbers.start, numbers.stop - 1]).fetchone() or [0]
        if count != len(numbers):
            raise StepError(f"{len(numbers)} orders were to be paid, {count} are")

    def ask_for_nothing(self, count: int) -> Load:
        """The same server's empty view."""
        return send_all(self._port, [http_request("GET", "/healthz")] * count)

    def _delivery(self, number: int) -> bytes:
        payload = self.specimen.copied(self.specimen.payload, number).encode()
        signature = sign(payload, self._secret, int(time.time()))
        return http_request("POST", ENDPOINT, payload, Content_Type="application/json", Stripe_Signature=signature)


@contextmanager
def running_subject(database_url: str) -> Iterator[Subject]:
    """Raises StepError when it can't be made or doesn't start."""
    environment = production(database_url) | {
        "DJANGO_ALLOWED_HOSTS": "127.0.0.1",
        # Nobody logs in; that of the demo, if it is set, would be refused.
        "DJANGO_SUPERUSER_PASSWORD": "",
        "PORT": str(free_port()),
    }
    complete(environment, "manage.py", "migrate", "--verbosity=0")
    specimen = msgspec.json.decode(complete(environment, "-m", "deploy.bench.delivery"), type=Specimen)
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "gunicorn", "core.wsgi", "--config", "deploy/gunicorn.py"]
        server = Child("web", command, log=Path(folder) / "web.log", env=environment)
        try:
            wait_for_answer(server, int(environment["PORT"]), "/readyz")
            yield Subject(environment, specimen)
        finally:
            server.end(END_SECONDS)


def complete(environment: dict[str, str], *arguments: str) -> str:
    """The output of the project's Python."""
    command = [sys.executable, *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environment, check=False, capture_output=True, text=True)
    if done.returncode:
        raise StepError(f"{' '.join(arguments)} failed:\n{done.stderr}")
    return done.stdout


def wait_for_answer(server: Child, port: int, path: str) -> None:
    """Raises StepError when none comes, or the server ends."""
    deadline = time.monotonic() + READY_SECONDS
    while not answers(port, path):
        server.check()
        if time.monotonic() > deadline:
            raise StepError(f"{server.name} did not answer {path} in {READY_SECONDS} s")
        time.sleep(0.1)
