"""The running product, for tests that look at it from outside: database, simulator, worker and web, each a process."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
import requests
from psycopg.rows import dict_row

from deploy.bench.scratch import Roles, free_port, own_database, own_roles
from deploy.bench.subject import wait_for_answer
from deploy.processes import ROOT, Child, StepError, end_all
from tests.environment import TEST_ENVIRONMENT
from tests.simulated import ACCOUNT_KEYS, SECRETS, TIMEOUT, SimulatedStripe, signed

END_SECONDS = 10
METRICS_TOKEN = "for-prometheus-alone"

type Row = dict[str, Any]


class Shop:
    """The product under `tests.settings`, which have every request to Stripe checked, on ports of its own.

    As in `make run` the shop is at 127.0.0.1 and Stripe at localhost, so that the way back is cross-site. As in
    production web, worker and commands sign in as the application's role; `database_url` is that of a superuser.
    """

    def __init__(self, database_url: str, roles: Roles, folder: Path) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.stripe_port = free_port()
        self.stripe = SimulatedStripe(f"http://localhost:{self.stripe_port}")
        self.database_url = database_url
        self.roles = roles
        self.violations = folder / "violations"
        self.mails = folder / "mails"
        self.metrics_port = free_port()
        self._folder = folder
        self._children: list[Child] = []
        self._environment = {
            **os.environ,
            **TEST_ENVIRONMENT,
            "COUNTERSIGN_TEST_VIOLATIONS": str(self.violations),
            "DATABASE_URL": roles.application.sign_in(database_url),
            "DJANGO_SETTINGS_MODULE": "tests.settings",
            "EMAIL_URL": f"file://{self.mails}",
            "METRICS_PORT": str(self.metrics_port),
            "METRICS_TOKEN": METRICS_TOKEN,
            "NO_PROXY": "127.0.0.1,localhost",
            "PORT": str(self.port),
            "PUBLIC_URL": self.url,
            "STRIPE_API_BASE": self.stripe.base,
        }
        self.application_url = self._environment["DATABASE_URL"]
        self.owner_settings = {
            "DATABASE_URL": roles.owner.sign_in(database_url),
            "APPLICATION_DATABASE_URL": self.application_url,
        }

    def start(self) -> None:
        endpoints = (
            ("--webhook", ACCOUNT_KEYS[account], f"{self.url}/webhooks/stripe/{account}/", SECRETS[account])
            for account in ACCOUNT_KEYS
        )
        arguments = (argument for endpoint in endpoints for argument in endpoint)
        simulator = self._start(
            "simulator", "-m", "simulator", f"--port={self.stripe_port}", "--self-check", *arguments
        )
        self.make_tables()
        self.start_worker()
        self._web = self._start("web", "-m", "gunicorn", "core.wsgi", "--config", "deploy/gunicorn.py")
        wait_for_answer(simulator, self.stripe_port, "/_sim/faults")
        wait_for_answer(self._web, self.port, "/readyz")

    def make_tables(self) -> None:
        """As their owner; the demo's rows are the application's to make."""
        for command, settings in (
            ("migrate", self.owner_settings),
            ("grant_application", self.owner_settings),
            ("demo", {}),
        ):
            done = self.manage(command, **settings)
            if done.returncode:
                raise StepError(f"{command} failed:\n{done.stderr}")

    def start_worker(self) -> None:
        self._worker = self._start("worker", "manage.py", "procrastinate", "worker", "--shutdown-graceful-timeout=5")

    def restart_worker(self) -> None:
        """As its supervisor does: the worker ends when it loses its database."""
        with self.without_worker():
            pass

    @contextmanager
    def without_worker(self) -> Iterator[None]:
        """No periodic job writes to the log in here; what is due is done afterwards."""
        self._worker.end(END_SECONDS)
        self._children.remove(self._worker)
        yield
        self.start_worker()

    def stop(self) -> None:
        """Raises StepError when a process had ended before."""
        try:
            for child in self._children:
                child.check()
        finally:
            end_all(self._children, END_SECONDS)

    def manage(self, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        """A command as the application's role, or with `**shop.owner_settings`."""
        command = [sys.executable, "manage.py", *arguments]
        environment = self._environment | settings
        return subprocess.run(
            command, cwd=ROOT, env=environment, check=False, capture_output=True, text=True, timeout=60
        )

    def findings(self, *arguments: str) -> tuple[int, list[Row]]:
        """The exit code of a command and the JSON objects on its stdout, which holds nothing else."""
        done = self.manage(*arguments)
        return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]

    def sql(self, statement: str, *values: object) -> list[Row]:
        with psycopg.connect(self.database_url, row_factory=dict_row) as connection:
            cursor = connection.execute(statement.encode(), values)
            return cursor.fetchall() if cursor.description else []

    def post_delivery(
        self, payload: bytes, signature: str | None = None, account: str = "default"
    ) -> requests.Response:
        """As Stripe posts it; `signature` is that of the default account unless given."""
        headers = {"Content-Type": "application/json", "Stripe-Signature": signature or signed(payload)}
        return requests.post(f"{self.url}/webhooks/stripe/{account}/", payload, headers=headers, timeout=TIMEOUT)

    def metrics(self, port: int | None = None, token: str = METRICS_TOKEN) -> requests.Response:
        """Of the web processes together, or at the worker's port."""
        address = f"http://127.0.0.1:{port or self.port}/metrics"
        return requests.get(address, headers={"Authorization": f"Bearer {token}"}, timeout=TIMEOUT)

    def told(self) -> list[Row]:
        """Every delivery that Stripe has to make, with its state and its attempts."""
        answer = requests.get(f"{self.stripe.base}/_sim/deliveries", timeout=TIMEOUT)
        deliveries: list[Row] = answer.json()["deliveries"]
        return deliveries

    def kill_web_workers(self) -> list[int]:
        """SIGKILL to every process that handles requests, as the kernel does when memory runs out; their ids."""
        master = self._web.process.pid
        workers = [int(number) for number in Path(f"/proc/{master}/task/{master}/children").read_text().split()]
        for worker in workers:
            os.kill(worker, signal.SIGKILL)
        return workers

    def _start(self, name: str, *arguments: str) -> Child:
        command = [sys.executable, *arguments]
        child = Child(name, command, log=self._folder / f"{name}.log", env=self._environment)
        self._children.append(child)
        return child


class Shopper(requests.Session):
    """A browser without JavaScript's help, which has seen an item's page and hence has a shopper's cookie."""

    def __init__(self, shop: Shop) -> None:
        super().__init__()
        self._url = shop.url
        self.get(f"{shop.url}/item/1", timeout=TIMEOUT).raise_for_status()

    def buy(self, item: int = 1) -> Row:
        """The JSON of the Buy button."""
        return self.read(f"/buy/{item}")

    def read(self, path: str) -> Row:
        answer = self.get(f"{self._url}{path}", headers={"Accept": "application/json"}, timeout=TIMEOUT)
        assert answer.status_code == requests.codes.ok, answer.text
        found: Row = answer.json()
        return found


def wait_for(condition: Callable[[], object], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


@contextmanager
def new_shop() -> Iterator[Shop]:
    server_url = os.environ["DATABASE_URL"]
    with (
        tempfile.TemporaryDirectory() as folder,
        own_roles(server_url) as roles,
        own_database(server_url, owner=roles.owner.name) as database_url,
    ):
        shop = Shop(database_url, roles, Path(folder))
        try:
            shop.start()
            yield shop
        finally:
            shop.stop()
        assert not shop.violations.exists(), shop.violations.read_text()


@pytest.fixture(scope="session")
def running_shop() -> Iterator[Shop]:
    """Started with the first test that asks for it. Its tests share it: each looks only at what is its own."""
    with new_shop() as shop:
        yield shop


@pytest.fixture
def shop(running_shop: Shop) -> Iterator[Shop]:
    """Without faults, whatever the test before has ordered."""
    yield running_shop
    requests.delete(f"{running_shop.stripe.base}/_sim/faults", timeout=TIMEOUT).raise_for_status()


@pytest.fixture
def shopper(shop: Shop) -> Iterator[Shopper]:
    with Shopper(shop) as shopper:
        yield shopper
