"""The books against the stand-in Stripe's own: real purchases, refunds and disputes, posted in any order."""

from datetime import UTC, datetime
from random import Random

import pytest
from django.test import Client

from core.eventlog.following import rebuild
from finance.books.projection import books
from finance.events import BalanceTransactionRecorded
from finance.models import LedgerLine
from finance.tests.histories import book, rows, totals, write
from orders.models import Item
from orders.tests.shopping import buy, paid_twice
from tests.simulated import SimulatedStripe, post_event
from webhooks.models import Delivery

pytestmark = pytest.mark.django_db(transaction=True)


def read_stripes_books(stripe_side: SimulatedStripe) -> int:
    """Record each balance transaction as an import would; answers what they leave in Stripe's balance."""
    entries = stripe_side.objects("balance_transaction")
    for entry in entries:
        read = {name: entry[name] for name in ("type", "source", "amount", "fee", "net", "currency", "created")}
        recorded = BalanceTransactionRecorded(
            account="default",
            livemode=False,
            category=entry["reporting_category"],
            exchange_rate="",
            available_on=entry["available_on"],
            **read,
        )
        write(f"balance-transaction-{entry['id']}", recorded)
    return sum(int(entry["net"]) for entry in entries)


def deliver(client: Client, stripe_side: SimulatedStripe, seed: int) -> None:
    events = stripe_side.objects("event")
    Random(seed).shuffle(events)  # noqa: S311 an order of arrival
    for event in events:
        assert post_event(client, event).status_code == 200


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("stripes_books_first", [True, False])
def test_cash_is_what_stripe_has(
    shopper: Client, mug: Item, stripe_side: SimulatedStripe, seed: int, *, stripes_books_first: bool
) -> None:
    stripe_side.pay(buy(shopper, mug)["url"])
    [charge] = stripe_side.objects("charge")
    stripe_side.refund(charge["id"], amount=300)
    failed = stripe_side.refund(charge["id"], amount=200)
    stripe_side.move("refunds", failed, status="failed")
    won = stripe_side.dispute(charge["id"])
    stripe_side.move("disputes", won, status="won")
    balance = 0
    if stripes_books_first:
        balance = read_stripes_books(stripe_side)
        book()
        assert totals()["unmatched", "usd"]
    deliver(shopper, stripe_side, seed)
    book()
    if not stripes_books_first:
        balance = read_stripes_books(stripe_side)
        book()
    sums = totals()
    assert sums["cash", "usd"] == balance
    assert sums["sales", "usd"] == -mug.price
    assert sums["refunds", "usd"] == 300
    assert {name for name, _ in sums} == {"cash", "sales", "refunds", "fees"}
    before = rows()
    rebuild(books)
    assert rows() == before


def test_a_surplus_is_owed(shopper: Client, mug: Item, stripe_side: SimulatedStripe) -> None:
    order = paid_twice(shopper, mug, stripe_side, (1850, 700))
    assert order.surplus == 700
    book()
    assert totals(order_id=order.pk) == {("cash", "usd"): 2550, ("sales", "usd"): -1850, ("receivable", "usd"): -700}


def test_a_line_happened_when_its_stripe_event_says(shopper: Client, mug: Item, stripe_side: SimulatedStripe) -> None:
    stripe_side.pay(buy(shopper, mug)["url"])
    event = stripe_side.event("charge.succeeded") | {"created": 1_790_000_000}
    assert post_event(shopper, event).status_code == 200
    book()
    at = datetime.fromtimestamp(1_790_000_000, UTC)
    assert Delivery.objects.get().created_at == at
    assert LedgerLine.objects.get(movement="payment").happened_at == at
