"""Discounts and taxes at Stripe against their mirrors: the same objects, which say what they should."""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

from tests.chaos.house import House, Row
from tests.simulated import ACCOUNT_KEYS

UNFINISHED = " UNION ALL ".join(
    f"SELECT id, state, reason FROM {table} WHERE state NOT IN ('synced', 'retired')"  # noqa: S608 ours
    for table in ("billing_coupon", "billing_taxrate")
)
# The pause after a sync that failed may be minutes; nobody waits for it here.
NO_PAUSES = (
    "UPDATE procrastinate_jobs SET scheduled_at = now() WHERE status = 'todo' AND scheduled_at > now()"
    " AND task_name IN ('billing.sync_mirror', 'billing.check_account') RETURNING id"
)


def in_sync(house: House) -> tuple[int, list[str]]:
    """How many objects stand at Stripe for a mirror, and what is wrong with them."""
    live, problems = 0, []
    for table, kind in (("billing_coupon", "coupon"), ("billing_taxrate", "tax_rate")):
        rows = house.sql(f"SELECT * FROM {table} WHERE is_live")  # noqa: S608 ours
        live += len(rows)
        problems += list(compare(rows, at_stripe(house, kind)))
    return live, problems


def at_stripe(house: House, kind: str) -> dict[tuple[str, str], Row]:
    """By account and id. A tax rate can't be deleted: it is retired when it is not active."""
    found = ((account, one) for account in ACCOUNT_KEYS for one in house.stripe.objects(kind, account))
    return {(account, one["id"]): one for account, one in found if one.get("active", True)}


def compare(rows: Iterable[Row], found: dict[tuple[str, str], Row]) -> Iterator[str]:
    expected = {(row["account"], row["object_id"]): row for row in rows}
    yield from (f"{one[1]} is not at Stripe" for one in expected.keys() - found.keys())
    yield from (f"{one[1]} is at Stripe, and no mirror has it" for one in found.keys() - expected.keys())
    for key in expected.keys() & found.keys():
        wanted = expected[key]["terms"] | expected[key]["labels"]
        differing = [name for name, value in wanted.items() if plain(found[key].get(name)) != plain(value)]
        yield from (f"{key[1]}: {name} is {found[key].get(name)}, not {wanted[name]}" for name in differing)


def plain(value: Any) -> Any:
    """Stripe has numbers for our texts, and null for what is empty."""
    if isinstance(value, bool) or value is None:
        return value or ""
    try:
        return Decimal(str(value))
    except ArithmeticError:
        return value
