"""After the storm: everything runs, Stripe has posted what it has to post, and the sweepers have nothing left to do."""

import time
from datetime import timedelta

import requests

from tests.chaos.house import House
from tests.chaos.mirrors import NO_PAUSES, UNFINISHED
from tests.chaos.shoppers import Row
from tests.simulated import TIMEOUT

QUIET_SECONDS = 240
ROUND_SECONDS = 2
SLOW_PAYMENTS = timedelta(days=8)
UNHANDLED = (
    "SELECT event_id, type, state, reason FROM webhooks_delivery WHERE state IN ('received', 'failed', 'refused')"
)
# The backfill reads from Stripe, and its calls are on record too.
SIZE_OF_THE_LOG = "SELECT count(*) AS events FROM core_event WHERE stream LIKE 'order-%'"


class NotQuietError(Exception):
    """What is still open when the time is up."""


def settle(house: House) -> None:
    """Faults are cleared and everything is healed; then slow payments come through, abandoned Sessions expire.

    Raises NotQuietError.
    """
    requests.delete(f"{house.stripe.base}/_sim/faults", timeout=TIMEOUT).raise_for_status()
    for staff in ("refunder", "merchant"):
        house.end_service(staff)
    house.wait_until_ready()
    heal(house)
    house.stripe.advance(int(SLOW_PAYMENTS.total_seconds()))
    heal(house)


def heal(house: House) -> None:
    """Run the sweepers until nothing is open and a round more has written nothing; the worker retries deliveries."""
    deadline = time.monotonic() + QUIET_SECONDS
    before = None
    while time.monotonic() < deadline:
        house.tend()
        for command in (("stripe_calls", "--sweep", "--older-than=0"), ("backfill", "--since=1h")):
            house.manage(*command)
        house.sql(NO_PAUSES)
        [written] = house.sql(SIZE_OF_THE_LOG)
        left = what_is_open(house)
        if not left and written == before:
            return
        before = written
        time.sleep(ROUND_SECONDS)
    raise NotQuietError("; ".join(left) or "the log still grows")


def what_is_open(house: House) -> list[str]:
    pending = [one for one in deliveries_at_stripe(house) if one["state"] == "pending"]
    calls = house.sql(
        "SELECT id, operation, state, reason FROM billing_stripecall WHERE state IN ('requested', 'unknown')"
    )
    unhandled = house.sql(UNHANDLED)
    found = {
        "deliveries that Stripe has to make": pending,
        "open calls": calls,
        "unhandled deliveries": unhandled,
        "mirrors under way": house.sql(UNFINISHED),
    }
    return [f"{len(rows)} {name}, such as {rows[0]}" for name, rows in found.items() if rows]


def deliveries_at_stripe(house: House) -> list[Row]:
    answer = requests.get(f"{house.stripe.base}/_sim/deliveries", timeout=TIMEOUT)
    deliveries: list[Row] = answer.json()["deliveries"]
    return deliveries
