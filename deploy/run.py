"""`make run`: the whole demo in the foreground; it ends when told, or with the first process that ends."""

import fcntl
import http.client
import os
import signal
import socket
import sys
import time
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from types import FrameType

from deploy.demo import EMBEDDED, demo_environment, demo_settings, port
from deploy.locks import try_lock
from deploy.processes import LOCAL, LOGS, RUNNING, Child, StepError, end_all, end_with_make, last_lines

READY_SECONDS = 60
END_SECONDS = 10
POLL_SECONDS = 0.1
DEFAULT_PASSWORD = "root"  # noqa: S105 the demo's, known to everyone


class Demo:
    """The demo's processes; each has a log of its name."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.environment = environment
        self.children: list[Child] = []
        self.embedded = EMBEDDED.address.exists() and environment.get("DATABASE_URL") == EMBEDDED.read_url()

    def start(self, name: str, *arguments: str | Path) -> Child:
        child = Child(name, [sys.executable, *arguments], log=LOGS / f"{name}.log", env=self.environment)
        self.children.append(child)
        return child

    def complete(self, name: str, *arguments: str) -> None:
        child = self.start(name, *arguments)
        child.finish()
        self.children.remove(child)

    def start_all(self) -> None:
        simulated = "STRIPE_API_BASE" in self.environment
        if simulated:
            self.start("simulator", "-m", "simulator", *simulator_arguments(self.environment))
        self.complete("migrate", "manage.py", "migrate", "--no-input")
        self.complete("demo", "manage.py", "demo")
        self.start("worker", "manage.py", "procrastinate", "worker", "--concurrency=4", "--shutdown-graceful-timeout=5")
        self.start("web", "-m", "gunicorn", "core.wsgi", "--config", "deploy/gunicorn.py")
        if simulated:
            self.wait_for_answer(port(self.environment, "SIMULATOR_PORT"), "/_sim/faults")
        self.wait_for_answer(port(self.environment, "PORT"), "/readyz")

    def check(self) -> None:
        """Raises StepError when one of the processes has ended."""
        for child in self.children:
            child.check()
        if self.embedded and not EMBEDDED.address.exists():
            raise StepError(f"postgres ended; the end of {EMBEDDED.log}:\n{last_lines(EMBEDDED.log)}")

    def wait_for_answer(self, number: int, path: str) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while not answers(number, path):
            self.check()
            if time.monotonic() > deadline:
                raise StepError(f"port {number} did not answer {path} in {READY_SECONDS} s; the logs are in {LOGS}")
            time.sleep(POLL_SECONDS)

    def announce(self) -> None:
        settings = self.environment
        shop = f"http://127.0.0.1:{settings['PORT']}"
        password = settings.get("DJANGO_SUPERUSER_PASSWORD")
        print(f"shop: {shop}/")
        print(f"admin: {shop}/admin/")
        if "STRIPE_API_BASE" in settings:
            print(f"simulator: http://localhost:{settings['SIMULATOR_PORT']}/")
        shown = password if password == DEFAULT_PASSWORD else "the DJANGO_SUPERUSER_PASSWORD that you chose"
        print(f"login: {settings['DJANGO_SUPERUSER_USERNAME']} / {shown}")
        print("finance: viewer, operator, lead, with the same password", flush=True)


def simulator_arguments(settings: Mapping[str, str]) -> list[str]:
    number = settings["SIMULATOR_PORT"]
    arguments = [
        f"--port={number}",
        f"--public-url=http://localhost:{number}",
        f"--state={LOCAL / 'simulator.sqlite3'}",
    ]
    for account in settings["STRIPE_ACCOUNTS"].split(","):
        endpoint = f"http://127.0.0.1:{settings['PORT']}/webhooks/stripe/{account}/"
        prefix = f"STRIPE_{account.upper()}"
        secret = settings[f"{prefix}_WEBHOOK_SECRETS"].split(",")[0]
        key, currency = settings[f"{prefix}_SECRET_KEY"], settings[f"{prefix}_CURRENCIES"].split(",")[0]
        arguments += ["--webhook", key, endpoint, secret]
        told = [f"publishable_key={settings[f'{prefix}_PUBLISHABLE_KEY']}"]
        arguments += ["--account", key, *told, *([] if currency == "*" else [f"default_currency={currency}"])]
    return arguments


def answers(number: int, path: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", number, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def refuse_taken_ports(settings: Mapping[str, str]) -> None:
    names = ["PORT", "SIMULATOR_PORT"] if "STRIPE_API_BASE" in settings else ["PORT"]
    numbers = {name: port(settings, name) for name in names}
    if len(set(numbers.values())) < len(numbers):
        raise StepError(f"PORT and SIMULATOR_PORT are both {settings['PORT']}; choose others: make run PORT=8010")
    for name, number in numbers.items():
        with socket.socket() as probe:
            # As servers do: connections that are only closing don't count.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", number))
            except OSError as error:
                raise StepError(
                    f"port {number} can't be used ({error.strerror}); choose another: make run {name}={number + 10}"
                ) from error


def stop(_number: int, _frame: FrameType | None) -> None:
    """Once: the processes are being ended while more signals come."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    sys.exit(0)


def run() -> None:
    refuse_taken_ports(demo_settings())
    LOGS.mkdir(exist_ok=True)
    for log in LOGS.glob("*.log"):
        log.unlink()
    with demo_environment() as environment:
        demo = Demo(environment)
        try:
            demo.start_all()
            demo.announce()
            while True:
                demo.check()
                time.sleep(POLL_SECONDS)
        finally:
            end_all(demo.children, END_SECONDS)


def main() -> int:
    LOCAL.mkdir(exist_ok=True)
    # Never closed: the lock lasts as long as the process.
    running = os.open(RUNNING, os.O_RDWR | os.O_CREAT, 0o644)
    if not try_lock(running, fcntl.LOCK_EX):
        print("it runs already; end it with: make stop", file=sys.stderr)
        return 1
    os.truncate(running, 0)
    os.write(running, str(os.getpid()).encode())
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    end_with_make()
    try:
        run()
    except StepError as error:
        print(error, file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
