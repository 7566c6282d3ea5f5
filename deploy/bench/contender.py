"""What is measured beside each other: each makes its own work beforehand, is run in turn, and shows that it did it."""

import re
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

import psycopg

from deploy.bench.cpu import seconds_of_tree
from deploy.bench.load import CONNECTIONS, send_all
from deploy.processes import StepError

FIRST_NUMBER = 910_000_000_000


class Sample(NamedTuple):
    """One contender in one round. Milliseconds: `p50` and `p99` of an answer, `cpu` of a delivery on our side of the
    wire, in the server and PostgreSQL; None where it can't be told.
    """

    per_second: float
    p50: float | None
    p99: float | None
    cpu: float | None


class Contender(Protocol):
    """`name` is what tables and goals call it; `databases` is what it fills."""

    @property
    def name(self) -> str: ...

    @property
    def databases(self) -> Sequence[str]: ...

    def prepare(self, count: int, rounds: int) -> list[range]:
        """The numbers of the deliveries of each round, with all that these need."""

    def run(self, numbers: range) -> Sample:
        """Raises StepError when the work was not done."""


class Numbers:
    """Twelve digits each, and each drawn once: they name orders, events and what else must differ."""

    def __init__(self) -> None:
        self._next = FIRST_NUMBER

    def draw(self, count: int) -> range:
        drawn = range(self._next, self._next + count)
        self._next = drawn.stop
        return drawn


NUMBERS = Numbers()


class Meter(NamedTuple):
    """The processes whose CPU counts; None: they can't be seen."""

    processes: Sequence[int | None]

    def read(self) -> float | None:
        """In seconds."""
        known = [process for process in self.processes if process is not None]
        return sum(map(seconds_of_tree, known)) if len(known) == len(self.processes) else None


@dataclass(frozen=True)
class Evidence:
    """What a delivery leaves behind: `query` counts it, and the count goes up by `each` with every delivery."""

    database_url: str
    query: str
    each: int = 1

    def count(self) -> int:
        with psycopg.connect(self.database_url) as connection:
            row = connection.execute(self.query.encode()).fetchone()
        return int(row[0]) if row else 0


def refuse_unless_done(evidence: Sequence[Evidence], before: Sequence[int], deliveries: int) -> None:
    """Raises StepError: what was measured did not do its work."""
    for one, count in zip(evidence, before, strict=True):
        found = one.count() - count
        if found != one.each * deliveries:
            raise StepError(f"{deliveries} deliveries were to add {one.each * deliveries}, not {found}: {one.query}")


def no_preparation(_numbers: range) -> None:
    """A delivery that stands alone."""


@dataclass(frozen=True, kw_only=True)
class Posted:
    """Requests to a server. `again`: the same deliveries in every round, which were handled before the first."""

    name: str
    port: int
    meter: Meter
    request: Callable[[int], bytes]
    databases: Sequence[str] = ()
    make: Callable[[range], None] = no_preparation
    evidence: Sequence[Evidence] = ()
    again: bool = False

    def prepare(self, count: int, rounds: int) -> list[range]:
        numbers = NUMBERS.draw(count if self.again else count * rounds)
        self.make(numbers)
        if not self.again:
            return split(numbers, rounds)
        send_all(self.port, list(map(self.request, numbers)))
        return [numbers] * rounds

    def run(self, numbers: range) -> Sample:
        requests = list(map(self.request, numbers))
        before = [one.count() for one in self.evidence]
        used = self.meter.read()
        load = send_all(self.port, requests)
        cpu = per_delivery(used, self.meter.read(), len(requests))
        refuse_unless_done(self.evidence, before, len(requests))
        return Sample(load.per_second, load.percentile(50) * 1000, load.percentile(99) * 1000, cpu)


@dataclass(frozen=True, kw_only=True)
class Scripted:
    """A transaction that pgbench runs. In the script `:order` is a number."""

    name: str
    program: Path
    database_url: str
    script: str
    meter: Meter
    make: Callable[[range], None]
    evidence: Sequence[Evidence]

    @property
    def databases(self) -> Sequence[str]:
        return [self.database_url]

    def prepare(self, count: int, rounds: int) -> list[range]:
        numbers = NUMBERS.draw(count * rounds)
        self.make(numbers)
        return split(numbers, rounds)

    def run(self, numbers: range) -> Sample:
        before = [one.count() for one in self.evidence]
        used = self.meter.read()
        per_second = run_pgbench(self.program, self.database_url, self.script, numbers)
        cpu = per_delivery(used, self.meter.read(), len(numbers))
        refuse_unless_done(self.evidence, before, len(numbers))
        return Sample(per_second, None, None, cpu)


def split(numbers: range, parts: int) -> list[range]:
    size = len(numbers) // parts
    return [numbers[part * size :][:size] for part in range(parts)]


def per_delivery(before: float | None, after: float | None, deliveries: int) -> float | None:
    """In milliseconds."""
    return None if before is None or after is None else (after - before) / deliveries * 1000


# A number of its own for each transaction of each client.
DRAWN = """\\set turn :turn + 1
\\set order :base + :client_id * :turns + :turn - 1
"""


def run_pgbench(program: Path, database_url: str, script: str, numbers: range) -> float:
    """Transactions per second over as many connections as the other sides have; one for each of these numbers."""
    turns = len(numbers) // CONNECTIONS
    variables = {"base": numbers.start, "turns": turns, "turn": 0}
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
        file.write(DRAWN + script)
        file.flush()
        command = [str(program), "--no-vacuum", f"--file={file.name}", f"--client={CONNECTIONS}", "--jobs=2"]
        command += [f"--transactions={turns}", *(f"--define={name}={value}" for name, value in variables.items())]
        done = subprocess.run([*command, database_url], check=False, capture_output=True, text=True)
    if done.returncode:
        raise StepError(f"pgbench failed:\n{done.stderr}")
    return rate(done.stdout)


def rate(output: str) -> float:
    """Without the time that connecting took."""
    found = re.search(r"^tps = ([\d.]+)", output, re.MULTILINE)
    if found is None:
        raise StepError(f"pgbench said something unexpected:\n{output}")
    return float(found[1])
