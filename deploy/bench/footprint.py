"""What the processes hold in memory and how long they take to start, beside an empty project of the same Django under
the same gunicorn.

Both run with the packages of production alone: some import what they find of others (structlog rich, stripe aiohttp).
Linux alone tells what is shared: /proc/<id>/smaps_rollup.
"""

import http.client
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from deploy.bench.cpu import children_of
from deploy.bench.outcome import Conditions, Outcome
from deploy.bench.peers.environment import python_with
from deploy.bench.report import UNKNOWN, heading, row
from deploy.bench.scratch import free_port, own_database
from deploy.bench.subject import complete_in, wait_for_answer
from deploy.check import production
from deploy.processes import ROOT, Child, StepError

REQUESTS = 200
ROUNDS = 3
END_SECONDS = 10
READY_SECONDS = 30
WORKER_IS_READY = "Launching a worker"
CONFIGURATION = str(ROOT / "deploy/gunicorn.py")
IMAGE = "countersign"  # of docker-compose.yml


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


@contextmanager
def web(python: str, environment: dict[str, str], application: str, path: str) -> Iterator[tuple[Child, float]]:
    """A server that has answered once, and the seconds until then."""
    with tempfile.TemporaryDirectory() as folder:
        command = [python, "-m", "gunicorn", application, "--config", CONFIGURATION]
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


def measure_web(python: str, environment: dict[str, str], application: str, path: str) -> tuple[list[Memory], float]:
    times = []
    for _ in range(ROUNDS):
        with web(python, environment, application, path) as (server, seconds):
            times.append(seconds)
            ask(int(environment["PORT"]), path)
            memory = [memory_of(worker) for worker in children_of(server.process.pid)]
    return memory, min(times)


def measure_worker(python: str, environment: dict[str, str]) -> tuple[Memory, float]:
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "worker.log"
        started = time.perf_counter()
        worker = Child("worker", [python, "manage.py", "procrastinate", "worker"], log=log, env=environment)
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


def check_time(python: str, environment: dict[str, str], manage: Path) -> float:
    times = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        complete_in(ROOT, python, environment, str(manage), "check")
        times.append(time.perf_counter() - started)
    return min(times)


def measure_shop(python: str, database_url: str) -> Footprint:
    environment = production(database_url) | {"DJANGO_ALLOWED_HOSTS": "127.0.0.1", "PORT": str(free_port())}
    complete_in(ROOT, python, environment, "manage.py", "migrate", "--verbosity=0")
    memory, web_starts = measure_web(python, environment, "core.wsgi", "/healthz")
    worker, worker_starts = measure_worker(python, environment)
    return Footprint(memory, worker, check_time(python, environment, ROOT / "manage.py"), web_starts, worker_starts)


def measure_empty(python: str) -> Footprint:
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {
            "DJANGO_SETTINGS_MODULE": "empty.settings",
            "PORT": str(free_port()),
            "PYTHONPATH": os.pathsep.join([folder, str(ROOT)]),
        }
        start = ("-m", "django", "startproject", "empty", folder)
        complete_in(ROOT, python, environment | {"DJANGO_SETTINGS_MODULE": ""}, *start)
        memory, web_starts = measure_web(python, environment, "empty.wsgi", "/")
        return Footprint(memory, None, check_time(python, environment, Path(folder) / "manage.py"), web_starts, None)


def image_megabytes() -> float | None:
    """Of the image that the project's compose files build; None where there is no Docker or no such image."""
    docker = shutil.which("docker")
    if docker is None:
        return None
    command = [docker, "image", "inspect", "--format", "{{.Size}}", IMAGE]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    return int(done.stdout) / 1e6 if done.returncode == 0 else None


def table(shop: Footprint, empty: Footprint, image: float | None) -> Iterator[str]:
    yield from heading(["", "shop", "empty project", "ratio"])
    for name, figure in (("RSS", "resident"), ("PSS", "share")):
        ours, theirs = (statistics.fmean(getattr(one, figure) for one in side.web) for side in (shop, empty))
        yield line(f"{name} of a web worker after {REQUESTS} requests, MB", ours, theirs)
    if shop.worker:
        yield line("RSS of the job worker, MB", shop.worker.resident)
    yield line("`manage.py check`, s", shop.check_starts, empty.check_starts)
    yield line("web until its first answer, s", shop.web_starts, empty.web_starts)
    if shop.worker_starts:
        yield line("job worker until it listens, s", shop.worker_starts)
    yield line(f"image `{IMAGE}`, MB", image) if image else row([f"image `{IMAGE}`", "not measured here", UNKNOWN, ""])


def line(name: str, ours: float, theirs: float | None = None) -> str:
    others = [UNKNOWN, ""] if theirs is None else [f"{theirs:.2f}", f"{ours / theirs:.1f}"]
    return row([name, f"{ours:.2f}", *others])


def part(conditions: Conditions) -> Outcome:
    """Raises StepError."""
    if not Path("/proc/self/smaps_rollup").exists():
        raise StepError("only on Linux, whose /proc tells what processes share")
    python = str(python_with(ROOT / "requirements.txt", "production"))
    with own_database(conditions.server_url) as database_url:
        shop = measure_shop(python, database_url)
    empty, image = measure_empty(python), image_megabytes()
    figures = {"shop": shop._asdict(), "empty": empty._asdict(), "image_megabytes": image}
    return Outcome("Footprint", list(table(shop, empty, image)), figures=figures)
