"""`python -m deploy.bench [--quick]`: deliveries per second, as ratios to the database and the server alone;
`--desk`: the pages of the admin at a million orders (deploy/bench/desk.py); `--shop`: what the shop's first pages weigh
in Chromium (tests/browser/weight.py).

All is measured in turn, round after round of one run, on a database of its own in DATABASE_URL's server or in the
embedded one. Stripe is not called.
"""

import argparse
import os
import platform
import signal
import statistics
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import psycopg

from deploy import gunicorn
from deploy.bench.desk_database import measure_database, measure_generated, run_python
from deploy.bench.load import CONNECTIONS, Load
from deploy.bench.pgbench import find_pgbench, run_pgbench
from deploy.bench.scratch import own_database
from deploy.bench.subject import Subject, running_subject
from deploy.demo import EMBEDDED
from deploy.postgres import running_server
from deploy.processes import StepError, die_with

WARM_UP = 50 * CONNECTIONS
DURABILITY = ("fsync", "synchronous_commit", "full_page_writes")


class Plan(NamedTuple):
    rounds: int
    seconds: float


class Round(NamedTuple):
    """`same_sql`: transactions per second of pgbench, None without one."""

    deliveries: Load
    same_sql: float | None
    empty_view: Load


THOROUGH, QUICK = Plan(rounds=5, seconds=3), Plan(rounds=2, seconds=0.3)


def measure(subject: Subject, pgbench: Path | None, plan: Plan) -> list[Round]:
    """Each side is first run for a moment, which warms it up and tells how much of it fills the time of a round."""

    def same_sql(numbers: range) -> float | None:
        if pgbench is None:
            return None
        rate = run_pgbench(pgbench, subject.database_url, subject.specimen, numbers)
        subject.refuse_unless_paid(numbers)
        return rate

    deliveries = fill(plan, subject.deliver(subject.make_orders(WARM_UP)).per_second)
    transactions = fill(plan, same_sql(subject.make_orders(WARM_UP)) or 0)
    requests = fill(plan, subject.ask_for_nothing(WARM_UP).per_second)
    to_deliver = subject.make_orders(deliveries * plan.rounds)
    to_pay = subject.make_orders(transactions * plan.rounds)
    subject.settle()
    return [
        Round(
            deliveries=subject.deliver(to_deliver[turn * deliveries :][:deliveries]),
            same_sql=same_sql(to_pay[turn * transactions :][:transactions]),
            empty_view=subject.ask_for_nothing(requests),
        )
        for turn in range(plan.rounds)
    ]


def fill(plan: Plan, per_second: float) -> int:
    """How many fill a round, as a multiple of the connections."""
    return round(per_second * plan.seconds / CONNECTIONS) * CONNECTIONS


def report(subject: Subject, rounds: list[Round], plan: Plan) -> Iterator[str]:
    yield f"machine   {os.cpu_count()} cores, {platform.platform(terse=True)}, Python {platform.python_version()}"
    yield f"database  {describe_database(subject.database_url)}"
    yield f"server    gunicorn, {gunicorn.workers} workers of {gunicorn.threads} threads; {CONNECTIONS} connections"
    yield f"figures   median (lowest .. highest) of {plan.rounds} rounds of about {plan.seconds:g} s"
    yield ""
    rates = [one.deliveries.per_second for one in rounds]
    yield line("deliveries per second", rates, "{:.0f}")
    yield from compared("the same SQL by pgbench", rates, [one.same_sql for one in rounds])
    yield from compared("an empty view", rates, [one.empty_view.per_second for one in rounds])
    yield ""
    for percent in (50, 99):
        yield line(f"p{percent} of a delivery, ms", in_ms([one.deliveries for one in rounds], percent), "{:.1f}")
        yield line(f"p{percent} of an empty view, ms", in_ms([one.empty_view for one in rounds], percent), "{:.1f}")
    yield ""
    for kind, count in subject.specimen.queries.items():
        yield f"{'SQL statements, ' + kind:<40}{count:>8}"


def compared(name: str, rates: list[float], others: list[float | None]) -> Iterator[str]:
    known = [other for other in others if other is not None]
    if not known:
        yield f"{name:<40}skipped: there is no pgbench"
        return
    yield line(f"{name}, per second", known, "{:.0f}")
    yield line(f"deliveries to {name}", [rate / other for rate, other in zip(rates, known, strict=True)], "{:.3f}")


def line(name: str, values: list[float], form: str) -> str:
    lowest, middle, highest = (form.format(value) for value in (min(values), statistics.median(values), max(values)))
    return f"{name:<40}{middle:>8}  ({lowest} .. {highest})"


def in_ms(loads: list[Load], percent: int) -> list[float]:
    return [load.percentile(percent) * 1000 for load in loads]


def describe_database(url: str) -> str:
    with psycopg.connect(url) as connection:
        version, *settings = (
            (connection.execute(f"SHOW {name}".encode()).fetchone() or [""])[0]
            for name in ("server_version", *DURABILITY)
        )
    durability = ", ".join(f"{name} {value}" for name, value in zip(DURABILITY, settings, strict=True))
    return f"PostgreSQL {version}, {durability}"


@contextmanager
def server_url() -> Iterator[str]:
    if "DATABASE_URL" in os.environ:
        yield os.environ["DATABASE_URL"]
        return
    with running_server(EMBEDDED.folder) as url:
        yield url


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench", description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--quick", action="store_true", help="a few seconds, to see that it works: its figures say little"
    )
    parser.add_argument("--desk", action="store_true", help="the admin's pages, on a generated database")
    parser.add_argument("--shop", action="store_true", help="the shop's first pages in Chromium")
    parser.add_argument("--orders", type=int, default=1_000_000, help="how many are generated for it")
    parser.add_argument(
        "--database", help="measure the desk on this one instead, which `manage.py generate` has filled"
    )
    options = parser.parse_args()
    # make may be killed alone; the database is dropped all the same.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: sys.exit(1))
    die_with(os.getppid(), signal.SIGTERM)
    try:
        if options.database:
            return measure_database(options.database)
        with server_url() as url:
            if options.shop:
                return run_python(os.environ | {"DATABASE_URL": url}, "-m", "tests.browser.weight")
            if options.desk:
                return measure_generated(url, options.orders)
            return measure_deliveries(url, quick=options.quick)
    except StepError as error:
        print(error, file=sys.stderr)
        return 1


def measure_deliveries(url: str, *, quick: bool) -> int:
    plan = QUICK if quick else THOROUGH
    with own_database(url) as database_url, running_subject(database_url) as subject:
        rounds = measure(subject, find_pgbench(), plan)
        for text in report(subject, rounds, plan):
            print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
