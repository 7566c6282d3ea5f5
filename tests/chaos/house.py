"""The product as its operator runs it: each process can be killed, and what has ended is started again."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import quote

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import dict_row

from deploy.bench.scratch import free_port
from deploy.bench.subject import wait_for_answer
from deploy.postgres import running_server
from deploy.processes import ROOT, Child, StepError, end_all
from tests.environment import TEST_ENVIRONMENT
from tests.simulated import ACCOUNT_KEYS, SECRETS, SimulatedStripe

END_SECONDS = 10
COMMAND_SECONDS = 120
START_TRIES = 5
# What a supervisor waits before it starts again what ended by itself.
SUPERVISOR_SECONDS = 1.0
LONGEST_DOWN_SECONDS = 2.5

SERVICES = {
    "web": ("-m", "gunicorn", "core.wsgi", "--config", "deploy/gunicorn.py"),
    "job worker": ("manage.py", "procrastinate", "worker", "--shutdown-graceful-timeout=5"),
    "refunder": ("-m", "tests.chaos.refunder"),
    "merchant": ("-m", "tests.chaos.merchant"),
}
VICTIMS = ("web worker", "web master", "job worker", "refunder", "merchant", "database", "database backend")

type Row = dict[str, Any]


class Database:
    """A durable server at one address: a link to the folder of its socket, which is another one after each start."""

    def __init__(self, folder: Path) -> None:
        self._data = folder / "postgres"
        self._sockets = folder / "sockets"
        self._use = ExitStack()
        self.url = f"postgresql://countersign@{quote(str(self._sockets), safe='')}/countersign"

    def start(self) -> None:
        url = self._use.enter_context(running_server(self._data))
        unfinished = self._sockets.with_suffix(".unfinished")
        unfinished.symlink_to(str(conninfo_to_dict(url)["host"]))
        unfinished.replace(self._sockets)

    def start_again(self) -> None:
        """PostgreSQL refuses while a process of the former server is still ending."""
        for _ in range(START_TRIES - 1):
            try:
                return self.start()
            except StepError:
                self._use.close()
                time.sleep(0.5)
        return self.start()

    def kill(self) -> None:
        """As a loss of power does: the server with all its processes, nothing written any more."""
        server = self._server()
        for pid in (server, *children_of(server)):
            kill(pid)
        self._use.close()

    def kill_backend(self, rng: Random) -> None:
        """As the kernel does when memory runs out: the server then throws all others out, and recovers."""
        kill(rng.choice(children_of(self._server())))

    def stop(self) -> None:
        self._use.close()

    def _server(self) -> int:
        return int((self._data.resolve() / "data/postmaster.pid").read_text().split()[0])


class House:
    """All processes of one run; `kills` and `ended` count by kind, `violations` is the file that tests.contract fills.

    Used by one thread alone, which has to outlive the processes: they end with the thread that started them.
    """

    def __init__(self, folder: Path, seed: str) -> None:
        self._folder = folder
        self._rng = drawn_from(seed, "house")
        self._database = Database(folder)
        self._children: dict[str, Child] = {}
        self._down: dict[str, float] = {}
        self._port, self._stripe_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self._port}"
        self.stripe = SimulatedStripe(f"http://localhost:{self._stripe_port}")
        self.violations = folder / "violations"
        self.kills: Counter[str] = Counter()
        self.ended: Counter[str] = Counter()
        self._environment = {
            **os.environ,
            **TEST_ENVIRONMENT,
            "CHAOS_SEED": seed,
            "COUNTERSIGN_TEST_VIOLATIONS": str(self.violations),
            "DATABASE_URL": self._database.url,
            "DJANGO_SETTINGS_MODULE": "tests.settings",
            "EMAIL_URL": f"file://{folder}/mails",
            "NO_PROXY": "127.0.0.1,localhost",
            "PORT": str(self._port),
            "PUBLIC_URL": self.url,
            "STRIPE_API_BASE": self.stripe.base,
        }

    def start(self) -> None:
        """Raises StepError when something doesn't start."""
        self._database.start()
        endpoints = (
            ("--webhook", key, f"{self.url}/webhooks/stripe/{account}/", SECRETS[account])
            for account, key in ACCOUNT_KEYS.items()
        )
        state = f"--state={self._folder / 'simulator.sqlite3'}"
        arguments = (argument for endpoint in endpoints for argument in endpoint)
        self._start("simulator", "-m", "simulator", f"--port={self._stripe_port}", state, "--self-check", *arguments)
        for preparation in ("migrate", "demo"):
            done = self.manage(preparation)
            if done.returncode:
                raise StepError(f"{preparation} failed:\n{done.stderr}")
        for name, command in SERVICES.items():
            self._start(name, *command)
        wait_for_answer(self._children["simulator"], self._stripe_port, "/_sim/faults")
        self.wait_until_ready()

    def wait_until_ready(self) -> None:
        """Everything that is down is started, and the shop answers with its database."""
        while self._down:
            self.tend()
            time.sleep(0.1)
        wait_for_answer(self._children["web"], self._port, "/readyz")

    def stop(self) -> None:
        end_all(list(self._children.values()), END_SECONDS)
        self._database.stop()

    def end_service(self, name: str) -> None:
        """For good, and in order."""
        self._down.pop(name, None)
        if child := self._children.pop(name, None):
            child.end(END_SECONDS)

    def tend(self) -> None:
        """Start again what was killed when its time has come; what ended by itself comes after it."""
        for name, child in self._children.items():
            if name not in self._down and child.process.poll() is not None:
                if name not in SERVICES:
                    child.check()
                self.ended[name] += 1
                self._down[name] = time.monotonic() + SUPERVISOR_SECONDS
        for name in [name for name, due in self._down.items() if due <= time.monotonic()]:
            if name == "database":
                self._database.start_again()
            else:
                self._start(name, *SERVICES[name])
            del self._down[name]

    def kill(self, victim: str) -> None:
        """SIGKILL; nothing happens to a victim that is down already."""
        service = {"web worker": "web", "web master": "web", "database backend": "database"}.get(victim, victim)
        if service in self._down or (service in self._children and self._children[service].process.poll() is not None):
            return
        try:
            self._strike(victim, service)
        except (IndexError, FileNotFoundError):
            # It is starting: there is no worker, or no backend, yet.
            return
        self.kills[victim] += 1

    def _strike(self, victim: str, service: str) -> None:
        if victim == "web worker":
            kill(self._rng.choice(children_of(self._children["web"].process.pid)))
        elif victim == "database backend":
            self._database.kill_backend(self._rng)
        else:
            if victim == "database":
                self._database.kill()
            else:
                self._children[service].process.kill()
                self._children[service].process.wait()
            self._down[service] = time.monotonic() + self._rng.uniform(0, LONGEST_DOWN_SECONDS)

    def manage(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self._environment,
            check=False,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
        )

    def sql(self, statement: str) -> list[Row]:
        with psycopg.connect(self._database.url, row_factory=dict_row) as connection:
            return connection.execute(statement.encode()).fetchall()

    def _start(self, name: str, *arguments: str) -> None:
        log = self._folder / f"{name.replace(' ', '-')}.log"
        self._children[name] = Child(name, [sys.executable, *arguments], log=log, env=self._environment)


def drawn_from(seed: str, who: str) -> Random:
    """Who draws does not disturb what the others draw."""
    return Random(f"{seed} {who}")  # noqa: S311 it decides nothing that is secret


def children_of(pid: int) -> list[int]:
    """Linux alone tells; a process that has ended has none."""
    try:
        return [int(number) for number in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        # It was ending by itself.
        return
