"""`python -m deploy.bench`: every part of deploy/bench/parts.py, one after the other, then a table of all goals; with
`--part` some of them, with `--quick` the ratios of the deliveries alone, in a minute.

Extras, each for itself: `--scale`, more processes, and PgBouncer; `--desk`, the pages of the admin at a million orders
(deploy/bench/desk.py); `--shop`, what the shop's first pages weigh (tests/browser/weight.py).

All is measured in turn, in databases of its own on DATABASE_URL's server or on the embedded one. Stripe is not called.
The exit code is 3 where the machine was too noisy to compare, 1 where something did not do its work; goals that are
missed change nothing.
"""

import argparse
import os
import secrets
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.bench.comparison import Plan
from deploy.bench.desk_database import measure_database, measure_generated, run_python
from deploy.bench.outcome import Conditions, Part
from deploy.bench.parts import PARTS, scale
from deploy.bench.run import LATEST, PAGE, Kept, describe_machine, run_parts
from deploy.bench.webhooks import ALL
from deploy.demo import EMBEDDED
from deploy.postgres import running_server
from deploy.processes import StepError, die_with

THOROUGH, QUICK = Plan(rounds=7, seconds=3, warm_up=320), Plan(rounds=3, seconds=0.5, warm_up=80)


@contextmanager
def server_url() -> Iterator[str]:
    if "DATABASE_URL" in os.environ:
        yield os.environ["DATABASE_URL"]
        return
    with running_server(EMBEDDED.folder) as url:
        yield url


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--part", action="append", choices=PARTS, help="this one, and others that are named; else all")
    parser.add_argument("--quick", action="store_true", help="short rounds, and deliveries alone: make bench QUICK=1")
    parser.add_argument("--rounds", type=int, help="7, or 3 with --quick")
    parser.add_argument("--seconds", type=float, help="how long each contender runs in a round")
    parser.add_argument("--only", action="append", choices=ALL, help="of the deliveries, these alone", metavar="NAME")
    parser.add_argument("--results", type=Path, default=LATEST, help="where they are kept: .local/bench/latest.json")
    parser.add_argument("--write", action="store_true", help="publish what was measured last: docs/performance.md")
    parser.add_argument("--scale", action="store_true", help="one web process and several, and PgBouncer")
    parser.add_argument("--desk", action="store_true", help="the admin's pages, on a generated database")
    parser.add_argument("--shop", action="store_true", help="the shop's first pages in Chromium")
    parser.add_argument(
        "--orders", type=int, help="how many are generated: for the desk 1,000,000, for volume and replay 500,000"
    )
    parser.add_argument("--minutes", type=float, default=20, help="how long the soak takes")
    parser.add_argument(
        "--database", help="measure the desk on this one instead, which `manage.py generate` has filled"
    )
    options = parser.parse_args()
    if options.write and (options.quick or options.only or options.scale):
        parser.error("--write publishes whole parts")
    return options


def main() -> int:
    options = read_options()
    # make may be killed alone; the databases are dropped all the same.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: sys.exit(1))
    die_with(os.getppid(), signal.SIGTERM)
    try:
        if options.database:
            return measure_database(options.database)
        with server_url() as url:
            return measure(url, options)
    except StepError as error:
        print(error, file=sys.stderr)
        return 1


def measure(url: str, options: argparse.Namespace) -> int:
    if options.shop:
        return run_python(os.environ | {"DATABASE_URL": url}, "-m", "tests.browser.weight")
    if options.desk:
        return measure_generated(url, options.orders or 1_000_000)
    plan = QUICK if options.quick else THOROUGH
    conditions = Conditions(
        server_url=url,
        plan=plan._replace(rounds=options.rounds or plan.rounds, seconds=options.seconds or plan.seconds),
        seed=secrets.randbits(32),
        quick=options.quick,
        only=options.only or (),
        orders=options.orders or 500_000,
        minutes=options.minutes,
    )
    kept = Kept(options.results, page=PAGE if options.write else None, order=list(PARTS))
    return run_parts(chosen(options), conditions, kept, describe_machine(url))


def chosen(options: argparse.Namespace) -> dict[str, Part]:
    if options.scale:
        return {"scale": scale}
    names = options.part or (["webhooks"] if options.quick or options.only else PARTS)
    return {name: part for name, part in PARTS.items() if name in names}


if __name__ == "__main__":
    sys.exit(main())
