"""`python -m deploy.bench.footprint`: what the processes hold in memory and how long they take to start, beside an
empty project of the same Django under the same gunicorn.

The shop runs in its production configuration, in a database of its own on DATABASE_URL's server. Linux alone tells what
is shared: /proc/<id>/smaps_rollup.
"""

import http.client
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from deploy.bench.scratch import free_port, own_database
from deploy.bench.subject import complete, wait_for_answer
from deploy.check import production
from deploy.processes import ROOT, Child, StepError

REQUESTS = 200
ROUNDS = 3
END_SECONDS = 10
READY_SECONDS = 30
WORKER_IS_READY = "Launching a worker"
CONFIGURATION = str(ROOT / "deploy/gunicorn.py")


class Memory(NamedTuple):
    """Of a process, in MB; `share` counts what n processes share to a n-th (PSS)."""

    resident: float
    share: float


class Footprint(NamedTuple):
    """`web` per worker; times in seconds, until the first answer or job."""

    web: list[Memory]
    worker: Memory | None
    check_starts: float
    web_starts: float
    worker_starts: float | None


def memory_of(process: int) -> Memory:
    """Source: proc_pid_smaps(5)."""
    return read_rollup(Path(f"/proc/{process}/smaps_rollup").read_text())


def read_rollup(text: str) -> Memory:
    kilobytes = {line.split(":")[0]: int(line.split()[1]) for line in text.splitlines() if line.endswith(" kB")}
    return Memory(kilobytes["Rss"] / 1024, kilobytes["Pss"] / 1024)


def children_of(process: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


@contextmanager
def web(environment: dict[str, str], application: str, path: str) -> Iterator[tuple[Child, float]]:
    """A server that has answered once, and the seconds until then."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "gunicorn", application, "--config", CONFIGURATION]
        started = time.perf_counter()
        server = Child("web", command, log=Path(folder) / "web.log", env=environment)
        try:
            wait_for_answer(server, int(environment["PORT"]), path)
            yield server, time.perf_counter() - started
        finally:
            server.end(END_SECONDS)


def ask(port: int, path: str) -> None:
    """Connections of their own, so that every worker gets some. Raises StepError for an answer that is not 200."""
    for _ in range(REQUESTS):
        connection = http.client.HTTPConnection("127.0.0.1", port)
        connection.request("GET", path, headers={"X-Forwarded-Proto": "https"})
        status = connection.getresponse().status
        connection.close()
        if status != http.HTTPStatus.OK:
            raise StepError(f"{path} was answered with {status}")


def measure_web(environment: dict[str, str], application: str, path: str) -> tuple[list[Memory], float]:
    times = []
    for _ in range(ROUNDS):
        with web(environment, application, path) as (server, seconds):
            times.append(seconds)
            ask(int(environment["PORT"]), path)
            memory = [memory_of(worker) for worker in children_of(server.process.pid)]
    return memory, min(times)


def measure_worker(environment: dict[str, str]) -> tuple[Memory, float]:
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "worker.log"
        started = time.perf_counter()
        worker = Child("worker", [sys.executable, "manage.py", "procrastinate", "worker"], log=log, env=environment)
        try:
            while WORKER_IS_READY not in log.read_text():
                worker.check()
                if time.perf_counter() - started > READY_SECONDS:
                    raise StepError(f"the worker was not ready in {READY_SECONDS} s:\n{log.read_text()}")
                time.sleep(0.01)
            seconds = time.perf_counter() - started
            time.sleep(2)  # its first jobs
            return memory_of(worker.process.pid), seconds
        finally:
            worker.end(END_SECONDS)


def check_time(environment: dict[str, str], manage: Path) -> float:
    times = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        complete(environment, str(manage), "check")
        times.append(time.perf_counter() - started)
    return min(times)


def measure_shop(database_url: str) -> Footprint:
    environment = production(database_url) | {"DJANGO_ALLOWED_HOSTS": "127.0.0.1", "PORT": str(free_port())}
    complete(environment, "manage.py", "migrate", "--verbosity=0")
    memory, web_starts = measure_web(environment, "core.wsgi", "/healthz")
    worker, worker_starts = measure_worker(environment)
    return Footprint(memory, worker, check_time(environment, ROOT / "manage.py"), web_starts, worker_starts)


def measure_empty() -> Footprint:
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {
            "DJANGO_SETTINGS_MODULE": "empty.settings",
            "PORT": str(free_port()),
            "PYTHONPATH": os.pathsep.join([folder, str(ROOT)]),
        }
        complete(environment | {"DJANGO_SETTINGS_MODULE": ""}, "-m", "django", "startproject", "empty", folder)
        memory, web_starts = measure_web(environment, "empty.wsgi", "/")
        return Footprint(memory, None, check_time(environment, Path(folder) / "manage.py"), web_starts, None)


def report(shop: Footprint, empty: Footprint) -> Iterator[str]:
    yield f"{'':<44}{'shop':>8}{'empty':>8}{'ratio':>8}"
    for name, figure in (("RSS", "resident"), ("PSS", "share")):
        ours, theirs = (statistics.fmean(getattr(one, figure) for one in side.web) for side in (shop, empty))
        yield line(f"{name} of a web worker after {REQUESTS} requests, MB", ours, theirs)
    if shop.worker:
        yield line("RSS of the job worker, MB", shop.worker.resident, None)
    yield line("manage.py check, s", shop.check_starts, empty.check_starts)
    yield line("web until its first answer, s", shop.web_starts, empty.web_starts)
    if shop.worker_starts:
        yield line("job worker until it listens, s", shop.worker_starts, None)


def line(name: str, ours: float, theirs: float | None) -> str:
    others = "" if theirs is None else f"{theirs:>8.2f}{ours / theirs:>8.1f}"
    return f"{name:<44}{ours:>8.2f}{others}"


def main() -> int:
    if not Path("/proc/self/smaps_rollup").exists():
        print("only on Linux, whose /proc tells what processes share", file=sys.stderr)
        return 1
    try:
        with own_database(os.environ["DATABASE_URL"]) as database_url:
            shop = measure_shop(database_url)
        for text in report(shop, measure_empty()):
            print(text)
    except StepError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
