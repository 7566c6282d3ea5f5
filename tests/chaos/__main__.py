"""`python -m tests.chaos`: purchases and refunds while everything is killed and everything at Stripe goes wrong.

At the end, all is started and healed, and a table compares what Stripe has with what we have on record. Exit 1 when
they differ. `--outage N` instead: N purchases without a single webhook, which the backfill brings to paid.
"""

import argparse
import secrets
import shutil
import sys
import tempfile
import time
from pathlib import Path

from deploy.postgres import SHORT_FOLDER
from deploy.processes import StepError
from tests.chaos.closing import NotQuietError, settle
from tests.chaos.house import House
from tests.chaos.mischief import Mischief
from tests.chaos.outage import buy_without_webhooks
from tests.chaos.reckoning import Reckoning
from tests.chaos.shoppers import Shoppers
from tests.terminal import end_when_interrupted, say

START_TEXT = "seed {seed}: --seed {seed} draws the same kills and faults again"


def endure(house: House, options: argparse.Namespace) -> list[str]:
    """The problems found."""
    shoppers = Shoppers(house.url, house.stripe, options.seed)
    shoppers.start(options.rate)
    try:
        Mischief(house, options.seed).run(options.seconds)
        house.wait_until_ready()
        shoppers.stop()
    finally:
        shoppers.give_up()
    kills = sum(house.kills.values())
    say(f"{len(shoppers.purchases)} purchases in {options.seconds:g} s, {kills} kills; healing")
    started = time.monotonic()
    problems = []
    try:
        settle(house)
    except NotQuietError as left:
        problems.append(f"not quiet: {left}")
    say(f"quiet after {time.monotonic() - started:.0f} s\n")
    reckoning = Reckoning(house, shoppers)
    reckoning.draw_up()
    say("\n".join(reckoning.lines))
    return problems + reckoning.problems


def run(options: argparse.Namespace, folder: Path) -> list[str]:
    house = House(folder, options.seed)
    try:
        house.start()
        if options.outage:
            return buy_without_webhooks(house, options.outage, say)
        return endure(house, options)
    finally:
        house.stop()


def main() -> int:
    parser = argparse.ArgumentParser(prog="make chaos", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=240, help="how long the storm lasts (default 240)")
    parser.add_argument("--rate", type=float, default=2, help="purchases per second (default 2)")
    parser.add_argument("--seed", default=secrets.token_hex(4), help="default: another one in each run")
    parser.add_argument("--outage", type=int, metavar="N", help="N purchases with webhooks off, then the backfill")
    parser.add_argument("--keep", action="store_true", help="leave the logs and the data where they are, and say where")
    options = parser.parse_args()
    end_when_interrupted()
    say(START_TEXT.format(seed=options.seed))
    folder = Path(tempfile.mkdtemp(prefix="countersign-", dir=SHORT_FOLDER))
    # The database's user passes through to its data.
    folder.chmod(0o711)
    try:
        problems = run(options, folder)
    except StepError as failure:
        problems = [str(failure)]
    finally:
        if options.keep:
            say(f"kept: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    for problem in problems:
        say(f"WRONG: {problem}")
    say("something is wrong" if problems else "nothing lost, nothing double")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
