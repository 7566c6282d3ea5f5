"""Webhooks are off while shoppers buy, nothing is re-sent when they are on again: the backfill has to do."""

import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle, islice
from typing import Any

import requests

from tests.chaos.closing import deliveries_at_stripe
from tests.chaos.house import House
from tests.simulated import TIMEOUT, SimulatedStripe

AT_ONCE = 6
ITEMS = range(1, 7)


def buy_without_webhooks(house: House, count: int, say: Callable[[str], None]) -> list[str]:
    """The problems found."""
    for staff in ("refunder", "merchant"):
        house.end_service(staff)
    house.stripe.order_fault("webhook_drop", "*", times=0)
    items = islice(cycle(ITEMS), count)
    with ThreadPoolExecutor(AT_ONCE) as shoppers:
        orders = list(shoppers.map(lambda item: buy_and_pay(house.url, house.stripe, item), items))
    requests.delete(f"{house.stripe.base}/_sim/faults", timeout=TIMEOUT).raise_for_status()
    say(f"deliveries at Stripe    {dict(Counter(one['state'] for one in deliveries_at_stripe(house)))}")
    say(f"orders before           {dict(states_of(house, orders))}")
    started = time.monotonic()
    done = house.manage("backfill", "--since=1h")
    say(f"backfill --since=1h     {done.stdout.strip().replace(chr(10), ', ')} ({time.monotonic() - started:.1f} s)")
    after = states_of(house, orders)
    say(f"orders after            {dict(after)}")
    checks = {command: house.manage(*command.split()).returncode for command in ("replay --check", "audit verify")}
    say(f"exit codes              {checks}")
    problems = [] if after == {"paid": count} else [f"{count} purchases were to be paid, not {dict(after)}"]
    return problems + [f"{command}: exit code {code}" for command, code in checks.items() if code]


def buy_and_pay(url: str, stripe: SimulatedStripe, item: int) -> int:
    """Answers the order's id."""
    with requests.Session() as browser:
        browser.get(f"{url}/item/{item}", timeout=TIMEOUT).raise_for_status()
        answer = browser.get(f"{url}/buy/{item}", timeout=TIMEOUT)
        answer.raise_for_status()
    bought: dict[str, Any] = answer.json()
    stripe.pay(bought["url"]).raise_for_status()
    return int(bought["order_id"])


def states_of(house: House, orders: list[int]) -> Counter[str]:
    rows = house.sql(f"SELECT state FROM orders_order WHERE id IN ({', '.join(map(str, orders))})")  # noqa: S608 ints
    return Counter(row["state"] for row in rows)
