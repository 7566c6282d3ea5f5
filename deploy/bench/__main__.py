"""`python -m deploy.bench`: the webhook path beside its peers, and its goals; `--quick`: the ratios alone, in a minute;
`--volume`: beside itself with full tables; `--scale`: with more processes, and PgBouncer; `--desk`: the pages of the
admin at a million orders (deploy/bench/desk.py); `--shop`: what the shop's first pages weigh (tests/browser/weight.py);
`--replay` and `--footprint`: deploy/bench/replay.py and footprint.py.

All is measured in turn, round after round of one run, in databases of its own on DATABASE_URL's server or on the
embedded one. Stripe is not called. The exit code is 3 where the machine was too noisy to compare.
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
from deploy.bench.counting import count_all
from deploy.bench.desk_database import measure_database, measure_generated, run_python
from deploy.bench.goals import VOLUME, WEBHOOKS
from deploy.bench.run import LATEST, PICTURE, Run, compare, describe
from deploy.bench.scale import running_scaled
from deploy.bench.volume import running_with_volume
from deploy.bench.webhooks import ALL, MAIN, running
from deploy.demo import EMBEDDED
from deploy.postgres import running_server
from deploy.processes import StepError, die_with

THOROUGH, QUICK = Plan(rounds=7, seconds=3, warm_up=160), Plan(rounds=3, seconds=0.5, warm_up=40)


@contextmanager
def server_url() -> Iterator[str]:
    if "DATABASE_URL" in os.environ:
        yield os.environ["DATABASE_URL"]
        return
    with running_server(EMBEDDED.folder) as url:
        yield url


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="short rounds and the ratios alone: make bench QUICK=1")
    parser.add_argument("--rounds", type=int, help="7, or 3 with --quick")
    parser.add_argument("--seconds", type=float, help="how long each runs in a round")
    parser.add_argument("--only", action="append", choices=ALL, help="measure these alone", metavar="NAME")
    parser.add_argument("--results", type=Path, default=LATEST, help="where they are kept: .local/bench/latest.json")
    parser.add_argument("--write", action="store_true", help="draw docs/performance.svg")
    parser.add_argument("--volume", action="store_true", help="full tables beside empty ones, and one hot order")
    parser.add_argument("--scale", action="store_true", help="one web process and several, and PgBouncer")
    parser.add_argument("--desk", action="store_true", help="the admin's pages, on a generated database")
    parser.add_argument("--shop", action="store_true", help="the shop's first pages in Chromium")
    parser.add_argument("--replay", action="store_true", help="replay and verify, by the number of events")
    parser.add_argument("--footprint", action="store_true", help="memory and start of the processes")
    parser.add_argument("--orders", type=int, help="how many are generated: 1,000,000, with --volume 500,000")
    parser.add_argument(
        "--database", help="measure the desk on this one instead, which `manage.py generate` has filled"
    )
    options = parser.parse_args()
    if options.write and (options.quick or options.volume or options.scale or options.only):
        parser.error("--write draws a whole comparison with all peers")
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
    for name in ("replay", "footprint"):
        if getattr(options, name):
            return run_python(os.environ | {"DATABASE_URL": url}, "-m", f"deploy.bench.{name}")
    if options.desk:
        return measure_generated(url, options.orders or 1_000_000)
    plan = QUICK if options.quick else THOROUGH
    plan = plan._replace(rounds=options.rounds or plan.rounds, seconds=options.seconds or plan.seconds)
    names = options.only or (MAIN if options.quick else ALL)
    run = Run(
        header=describe(url),
        counts={} if options.quick or options.volume or options.scale else count_all(url, names),
        plan=plan,
        seed=secrets.randbits(32),
        quick=options.quick,
        results=options.results,
        picture=PICTURE if options.write else None,
    )
    if options.volume:
        with running_with_volume(url, options.orders or 500_000) as contenders:
            return compare(contenders, VOLUME, run)
    if options.scale:
        with running_scaled(url) as contenders:
            return compare(contenders, (), run)
    with running(url, names) as contenders:
        return compare(contenders, WEBHOOKS, run)


if __name__ == "__main__":
    sys.exit(main())
