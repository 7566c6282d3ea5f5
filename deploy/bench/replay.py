"""`python -m deploy.bench.replay`: how long `replay --check`, `replay --rebuild` and `audit verify` take for so many
events, and `eventsourcing` to read back the same facts.

Databases of its own on DATABASE_URL's server, filled by `manage.py generate`; every command runs as an operator would
run it, its start included, which is told apart.
"""

import argparse
import json
import math
import os
import resource
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import groupby, pairwise
from pathlib import Path
from typing import NamedTuple

import psycopg
from psycopg.conninfo import conninfo_to_dict

from deploy.bench.cpu import children_of, find_postmaster, seconds_of_tree
from deploy.bench.desk_database import desk_environment
from deploy.bench.peers.environment import python_with
from deploy.bench.scratch import own_database
from deploy.processes import PRCTL, ROOT, StepError

EVENTS_OF_AN_ORDER = 6.9  # of a generated one
PEER = Path(__file__).parent / "peers" / "with_eventsourcing"
PEER_EVENTS = 20_000
COMMANDS = {
    "audit verify": ("audit", "verify"),
    "replay --check": ("replay", "--check"),
    "replay --rebuild": ("replay", "--rebuild"),
    "rebuild of no rows": ("replay", "--rebuild"),
}
LOSE_ROWS = {"rebuild of no rows": "TRUNCATE orders_order CASCADE"}
CORES = os.cpu_count() or 1
PR_SET_CHILD_SUBREAPER = 36
SIZES = (10_000, 200_000, 2_000_000)
LARGE = 1_000_000  # whose commands take minutes: they run once


class Took(NamedTuple):
    """Of a command: seconds of CPU of its processes and of PostgreSQL's, `megabytes` of the largest of its own."""

    events: int
    seconds: float
    cpu: float
    postgres: float
    megabytes: float


def took(environment: Mapping[str, str], events: int, *arguments: str) -> Took:
    """Raises StepError when the command fails or finds anything."""
    deque(left_behind(), maxlen=0)  # by who filled the database
    server = find_postmaster(environment["DATABASE_URL"])
    postgres = seconds_of_tree(server) if server else 0.0
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(process.pid, 0)  # those that it waited for included
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - started
    usages = [usage, *left_behind()]
    if process.returncode:
        raise StepError(f"{' '.join(arguments)} ended with {process.returncode}")
    postgres = seconds_of_tree(server) - postgres if server else math.nan
    cpu = sum(usage.ru_utime + usage.ru_stime for usage in usages)
    return Took(events, seconds, cpu, postgres, max(usage.ru_maxrss for usage in usages) / 1024)


def left_behind() -> Iterator[resource.struct_rusage]:
    """Of the processes that ended just after the one that started them, those that forked others for it included."""
    while others := set(children_of(os.getpid())) - children_before():
        yield os.wait4(others.pop(), 0)[2]


@cache
def children_before() -> frozenset[int]:
    """Those that this process had before it measured anything, such as who keeps the server."""
    return frozenset(children_of(os.getpid()))


def measure(environment: Mapping[str, str], rounds: int) -> dict[str, Took]:
    """The quickest of several, since others' work only ever slows; `start` is that of a command that does nothing."""
    with psycopg.connect(environment["DATABASE_URL"]) as connection:
        [events] = connection.execute("SELECT count(*) FROM core_event").fetchone() or [0]
    quickest = {"start": least([took(environment, 0, "check") for _ in range(rounds)])}
    for name, arguments in COMMANDS.items():
        runs = []
        for _ in range(rounds):
            if name in LOSE_ROWS:
                with psycopg.connect(environment["DATABASE_URL"]) as connection:
                    connection.execute(LOSE_ROWS[name])
            runs.append(took(environment, events, *arguments))
        quickest[name] = least(runs)
    return quickest


def least(runs: Sequence[Took]) -> Took:
    """Of every figure, the memory excepted."""
    return Took(*(min(figures) for figures in zip(*runs, strict=True)))._replace(
        megabytes=max(run.megabytes for run in runs)
    )


def read_streams(database_url: str) -> list[list[object]]:
    """What the facts of so many events hold, by stream; the last may be cut off."""
    query = "SELECT stream, data FROM core_event WHERE stream LIKE 'order-%%' ORDER BY stream, version LIMIT %s"
    with psycopg.connect(database_url) as connection:
        rows = connection.execute(query, [PEER_EVENTS]).fetchall()
    return [[data for _, data in of_stream] for _, of_stream in groupby(rows, key=lambda row: row[0])]


def peers_rate(server_url: str, streams: list[list[object]]) -> float:
    """Events per second of its own CPU, PostgreSQL's not counted. Raises StepError."""
    with own_database(server_url) as database_url:
        at = conninfo_to_dict(database_url)
        environment = {
            "PATH": os.environ["PATH"],
            "PERSISTENCE_MODULE": "eventsourcing.postgres",
            "POSTGRES_DBNAME": str(at["dbname"]),
            "POSTGRES_HOST": str(at.get("host", "127.0.0.1")),
            "POSTGRES_PORT": str(at.get("port", "5432")),
            "POSTGRES_USER": str(at.get("user", "")),
            "POSTGRES_PASSWORD": str(at.get("password", "")),
        }
        done = subprocess.run(
            [python_with(PEER / "requirements.txt"), PEER / "folding.py"],
            env=environment,
            input=json.dumps(streams),
            check=False,
            capture_output=True,
            text=True,
        )
    if done.returncode:
        raise StepError(f"eventsourcing failed:\n{done.stderr}")
    read = json.loads(done.stdout)
    return float(read["events"] / read["seconds"])


def report(measured: Sequence[Mapping[str, Took]], peer: float) -> Iterator[str]:
    yield f"{CORES} cores; a command's start takes {measured[0]['start'].seconds:.2f} s, which is not counted"
    yield f"eventsourcing reads {peer:,.0f} events/s of CPU back, PostgreSQL's not counted; ours is"
    yield f"{'CPU: us per event':<18}{'events':>10}{'seconds':>9}{'events/s':>10}{'CPU':>7}{'+ server':>10}{'MB':>6}"
    for name in COMMANDS:
        for at_size in measured:
            took, seconds = at_size[name], working(at_size, name)
            rate, own = took.events / seconds, (took.cpu - at_size["start"].cpu) / took.events * 1e6
            server = (took.postgres - at_size["start"].postgres) / took.events * 1e6
            cpu = f"{own:>7.1f}{server:>10.1f}"
            yield f"{name:<18}{took.events:>10,}{seconds:>9.2f}{rate:>10,.0f}{cpu}{took.megabytes:>6.0f}"
        for smaller, larger in pairwise(measured):
            used = marginal_cpu(smaller, larger, name)
            yield (
                f"  from {smaller[name].events:,} to {larger[name].events:,}: slope {slope(smaller, larger, name):.2f};"
                f" {used * 1e6:.1f} us of CPU an event, {1 / used:,.0f} a core, {1 / used / peer:.1f} x eventsourcing"
            )


def working(at_size: Mapping[str, Took], name: str) -> float:
    """Seconds without the start; never none."""
    return max(at_size[name].seconds - at_size["start"].seconds, 0.001)


def marginal_cpu(smaller: Mapping[str, Took], larger: Mapping[str, Took], name: str) -> float:
    """Seconds of CPU, PostgreSQL's included, for each event that the larger log has more: steadier than time, and what
    every command begins with is not in it.
    """
    seconds = sum(larger[name][2:4]) - sum(smaller[name][2:4])
    return max(seconds / (larger[name].events - smaller[name].events), 1e-9)


def slope(smaller: Mapping[str, Took], larger: Mapping[str, Took], name: str) -> float:
    """The power of the number of events that the time grows with: 1 is linear."""
    times = working(larger, name) / working(smaller, name)
    return math.log(times) / math.log(larger[name].events / smaller[name].events)


def measure_sizes(
    server_url: str, sizes: Sequence[int] = SIZES, rounds: int = 3
) -> tuple[list[dict[str, Took]], float]:
    """By size, in ascending order; and how many events the peer reads per second. Raises StepError."""
    if PRCTL:
        PRCTL(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)  # so that `left_behind` are this process's
    children_before()
    measured, streams = [], []
    for events in sorted(sizes):
        with own_database(server_url) as database_url:
            environment = desk_environment(database_url)
            fill(environment, round(events / EVENTS_OF_AN_ORDER))
            measured.append(measure(environment, rounds if events < LARGE else 1))
            streams = read_streams(database_url)
    return measured, peers_rate(server_url, streams)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m deploy.bench.replay", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--events", type=int, nargs="+", default=SIZES, help="the sizes, about")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    try:
        for line in report(*measure_sizes(os.environ["DATABASE_URL"], options.events, options.rounds)):
            print(line)
    except StepError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def fill(environment: Mapping[str, str], orders: int) -> None:
    """Orders alone, and a checkpoint that signs for them. Raises StepError."""
    for arguments in (
        ("migrate", "--verbosity=0"),
        ("generate", "--orders", str(orders), "--orders-alone"),
        ("audit", "checkpoint"),
    ):
        command = [sys.executable, "manage.py", *arguments]
        done = subprocess.run(command, cwd=ROOT, env=environment, check=False, capture_output=True, text=True)
        if done.returncode:
            raise StepError(f"{' '.join(arguments)} failed:\n{done.stderr}")


if __name__ == "__main__":
    sys.exit(main())
