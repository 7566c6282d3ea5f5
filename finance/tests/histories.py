"""Orders whose facts are made by the shop's own decisions, and Stripe's books beside them, written to the log."""

import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from django.db import connection

from core.chain import Head
from core.eventlog import following, provenance
from core.eventlog.tail import cursor_of, settled_end
from core.models import Event, Follower
from core.tests.streams import append
from finance.books.entries import Balance
from finance.books.projection import books
from finance.events import BalanceTransactionChanged, BalanceTransactionRecorded
from finance.models import BookedObject, BookedTransaction, DaySummary, LedgerLine, OrderBooks
from orders.decisions.money import News, decide_news, decide_settlement
from orders.decisions.placing import decide_placing
from orders.events import OrderDisputeUpdated, OrderDrafted, OrderPaymentUpdated, OrderRefundUpdated
from orders.projections import OrderAggregate
from orders.quote import PricedItem, quote_lines

BOOKED = (LedgerLine, OrderBooks, BookedObject, BookedTransaction, DaySummary)
BEGAN = datetime(2026, 10, 5, 12, tzinfo=UTC)
SHOPPER = OrderDrafted(shopper_id="s", account="default", livemode=False, currency="usd", buy_item=None)
OWN = Balance("default", False, "usd")


def payment(intent: str = "pi_1", **fields: Any) -> OrderPaymentUpdated:
    """The PaymentIntent's word, of 1000 received by the charge of the same number."""
    told: dict[str, Any] = {
        "payment_intent": intent,
        "source": "payment_intent",
        "source_id": intent,
        "charge": intent.replace("pi", "ch"),
        "status": "succeeded",
        "amount": 1000,
        "currency": "usd",
        "account": "default",
        "livemode": False,
    }
    return OrderPaymentUpdated(**told | fields)


def refund(amount: int, status: str = "succeeded", name: str = "re_1", **fields: Any) -> OrderRefundUpdated:
    told: dict[str, Any] = {"payment_intent": "pi_1", "charge": "", "currency": "usd", "failure_reason": ""}
    return OrderRefundUpdated(refund=name, status=status, amount=amount, **told | fields)


def dispute(status: str, amount: int = 1000, name: str = "du_1", **fields: Any) -> OrderDisputeUpdated:
    told: dict[str, Any] = {"payment_intent": "pi_1", "charge": "", "currency": "usd", "reason": "", "due_by": None}
    return OrderDisputeUpdated(dispute=name, status=status, amount=amount, **told | fields)


class History:
    """One order; each fact is recorded a minute after the one before it."""

    def __init__(self, number: int = 1, *, total: int = 1000, at: datetime = BEGAN) -> None:
        self.aggregate = OrderAggregate.begin(number)
        self.head = Head()
        self.at = at
        self.record(SHOPPER)
        self.record(decide_placing(self.aggregate, quote_lines("usd", [PricedItem(1, "Mug", 1, total)])))

    def record(self, *facts: object, cause: str = "") -> None:
        self.at += timedelta(minutes=1)
        for fact in facts:
            self.aggregate.apply(fact, self.at)
        with provenance.acting("stripe:default" if cause else "system:test", cause=cause):
            self.head = append(f"order-{self.aggregate.root.pk}", self.head, facts, self.at)

    def tell(self, *news: News, cause: str = "") -> "History":
        for told in news:
            if facts := list(decide_news(self.aggregate, told)):
                self.record(*facts, cause=cause)
            if follows := list(decide_settlement(self.aggregate)):
                self.record(*follows, cause=cause)
        return self


transaction_numbers = count(1)


def transaction(source: str, amount: int, *, fee: int = 0, name: str = "", **fields: Any) -> str:
    """A balance transaction is recorded; answers its id."""
    name = name or f"txn_{next(transaction_numbers)}"
    told: dict[str, Any] = {
        "account": "default",
        "livemode": False,
        "type": "charge",
        "category": "charge",
        "currency": "usd",
        "exchange_rate": "",
        "created": int(BEGAN.timestamp()),
        "available_on": int(BEGAN.timestamp()),
    }
    told |= {"source": source, "amount": amount, "fee": fee, "net": amount - fee}
    write(f"balance-transaction-{name}", BalanceTransactionRecorded(**told | fields))
    return name


def change(name: str, amount: int, fee: int) -> None:
    write(f"balance-transaction-{name}", BalanceTransactionChanged(amount=amount, fee=fee, net=amount - fee))


def write(stream: str, fact: object) -> None:
    last = Event.objects.filter(stream=stream).order_by("-version").first()
    with provenance.acting("system:test"):
        append(stream, Head(last.version, bytes(last.digest)) if last else Head(), [fact], BEGAN)


def book() -> None:
    """The whole log, once it is settled: another process of the tests may have a transaction open on this server."""
    last = Event.objects.order_by("transaction_id", "position").last()
    for _ in range(100):
        if last is None or settled_end() == cursor_of(last):
            break
        time.sleep(0.1)
    following.follow(books)


def totals(**lines: Any) -> dict[tuple[str, str], int]:
    """Debits minus credits by ledger account and currency, of the lines that the fields choose; nothing for 0."""
    sums: Counter[tuple[str, str]] = Counter()
    for line in LedgerLine.objects.filter(**lines):
        sums[line.debit, line.currency] += line.amount
        sums[line.credit, line.currency] -= line.amount
    return {key: amount for key, amount in sums.items() if amount}


def moved(**lines: Any) -> dict[str, int]:
    """By movement; below 0 where most of it was reversed. Reads the direction from the table in the documents."""
    sums: Counter[str] = Counter()
    for line in LedgerLine.objects.filter(**lines):
        sums[line.movement] += line.amount if (line.debit, line.credit) == FORWARD[line.movement] else -line.amount
    return {name: amount for name, amount in sums.items() if amount}


FORWARD = {
    "sale": ("receivable", "sales"),
    "payment": ("cash", "receivable"),
    "refund": ("refunds", "cash"),
    "surplus_returned": ("receivable", "cash"),
    "dispute": ("disputes", "cash"),
    "fee": ("fees", "cash"),
    "exchange": ("cash", "exchange"),
    "payout": ("bank", "cash"),
    "unmatched": ("cash", "unmatched"),
}


def rows() -> list[list[dict[str, Any]]]:
    """All that the projection has written, without the keys that the database gives out."""
    stored = []
    for model in BOOKED:
        found = model._default_manager.values()
        own = [
            {name: value for name, value in row.items() if name != "id" or model is BookedTransaction} for row in found
        ]
        stored.append(sorted(own, key=str))
    return stored


def forget_everything() -> None:
    """Between the examples of one test."""
    names = ", ".join(model._meta.db_table for model in (Event, Follower, *BOOKED))
    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {names}, finance_month, webhooks_delivery RESTART IDENTITY CASCADE")
