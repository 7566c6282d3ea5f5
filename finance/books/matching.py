"""Stripe's own books beside ours: fees, exchange, payouts, and what none of our orders accounts for.

Source: docs.stripe.com/reports/balance-transaction-types.
"""

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from core.eventlog.aggregate import store_children
from finance.books.entries import Balance, Flow, Flows
from finance.models import BookedObject, BookedTransaction, Movement
from orders.events import OrderDisputeUpdated, OrderPaymentUpdated, OrderRefundUpdated

PAYOUTS = frozenset({"payout", "payout_failure", "payout_cancel"})
STRIPES_FEES = frozenset({"stripe_fee", "stripe_fx_fee", "tax_fee"})


class Told(NamedTuple):
    """The object of Stripe's that an order's event is about: `charge` is the one of the PaymentIntent, '' untold."""

    object_id: str
    currency: str
    payment_intent: str
    charge: str

    @property
    def ids(self) -> set[str]:
        return {self.object_id, self.payment_intent, self.charge} - {""}


def told_by(fact: object) -> Told | None:
    """None where a fact is about the order alone."""
    match fact:
        case OrderPaymentUpdated():
            return Told(fact.payment_intent, fact.currency, fact.payment_intent, fact.charge)
        case OrderRefundUpdated():
            return Told(fact.refund, fact.currency, fact.payment_intent, fact.charge)
        case OrderDisputeUpdated():
            return Told(fact.dispute, fact.currency, fact.payment_intent, fact.charge)
        case _:
            return None


def stripe_flows(booked: BookedObject, transactions: Iterable[BookedTransaction]) -> Flows:
    """What the transactions of one object add to what its order has moved; `booked` has no order where none is known.

    Stripe exchanges the whole of a payment or refund: what it moved in the order's currency goes out of that balance,
    and the transaction's amount comes into the other.
    """
    flows: Flows = Counter()
    exchanged_into = ""
    for one in transactions:
        balance = Balance(one.account, one.livemode, one.currency)
        flows[Flow(Movement.FEE, balance, booked.order_id, one.id)] += one.fee
        if one.type in PAYOUTS:
            flows[Flow(Movement.PAYOUT, balance, None, one.object_id)] -= one.amount
        elif one.type in STRIPES_FEES:
            flows[Flow(Movement.FEE, balance, None, one.id)] -= one.amount
        elif booked.order_id is None:
            flows[Flow(Movement.UNMATCHED, balance, None, one.source or one.id)] += one.amount
        elif one.currency != booked.currency:
            flows[Flow(Movement.EXCHANGE, balance, booked.order_id, one.id)] += one.amount
            exchanged_into = one.currency
    for balance, amount in read_cash(booked).items() if exchanged_into else ():
        if balance.currency != exchanged_into:
            flows[Flow(Movement.EXCHANGE, balance, booked.order_id, booked.object_id)] -= amount
    return flows


def read_cash(booked: BookedObject) -> Counter[Balance]:
    cash: Counter[Balance] = Counter()
    for account, livemode, currency, amount in booked.cash:
        cash[Balance(account, livemode, currency)] += amount
    return cash


class Matches:
    """The objects and transactions that a batch is about, as they are booked so far.

    A charge moves nothing by itself: it stands for its PaymentIntent, under whose id the money is booked.
    """

    def __init__(self, object_ids: set[str], transaction_ids: set[str]) -> None:
        by_id = BookedTransaction.objects.filter(pk__in=transaction_ids) if transaction_ids else ()
        self.transactions = {one.id: one for one in by_id}
        object_ids = object_ids | {one.object_id for one in self.transactions.values()}
        self.objects = BookedObject.objects.in_bulk(object_ids)
        intents = {one.payment_intent for one in self.objects.values()} - object_ids - {""}
        if intents:
            self.objects |= BookedObject.objects.in_bulk(intents)
        self._below: dict[str, dict[str, BookedTransaction]] = {}
        below = BookedTransaction.objects.filter(object_id__in=object_ids | intents)
        for one in [*below, *self.transactions.values()]:
            kept = self.transactions.setdefault(one.id, one)
            self._below.setdefault(kept.object_id, {})[kept.id] = kept
        self.changed_objects: dict[str, BookedObject] = {}
        self.changed_transactions: dict[str, BookedTransaction] = {}

    def standing_for(self, object_id: str) -> str:
        """The id under which the money of an object is booked."""
        known = self.objects.get(object_id)
        return (known.payment_intent or object_id) if known else object_id

    def flows_of(self, *object_ids: str) -> Flows:
        flows: Flows = Counter()
        for object_id in object_ids:
            if below := self._below.get(object_id):
                booked = self.objects.get(object_id) or BookedObject(object_id=object_id)
                flows.update(stripe_flows(booked, [one for one in below.values() if one.is_listed]))
        return flows

    def bring(self, order_id: int, told: Told) -> None:
        """An order's event tells of an object, and maybe of the charge that stands for its PaymentIntent.

        The first order to tell of an object has it.
        """
        self._know(order_id, told.object_id, told.currency)
        if told.charge and told.charge not in self.objects:
            self._know(order_id, told.payment_intent, told.currency)
            self._know(order_id, told.charge, "", told.payment_intent)
            for one in self._below.pop(told.charge, {}).values():
                self.put(one, told.payment_intent)

    def _know(self, order_id: int, object_id: str, currency: str, payment_intent: str = "") -> None:
        if object_id not in self.objects:
            known = BookedObject(
                object_id=object_id, order_id=order_id, currency=currency, payment_intent=payment_intent
            )
            self.objects[object_id] = self.changed_objects[object_id] = known

    def move(self, told: Told, cash: Counter[Balance]) -> None:
        """What an event has moved through an object; where its words differ in currency, that of the money stands."""
        booked = self.objects[told.object_id]
        moved = read_cash(booked)
        moved.update(cash)
        kept = sorted([*balance, amount] for balance, amount in moved.items() if amount)
        currencies = {balance.currency for balance, amount in moved.items() if amount} or {told.currency}
        currency = told.currency if told.currency in currencies else min(currencies)
        if (kept, currency) != (booked.cash, booked.currency):
            booked.cash, booked.currency = kept, currency
            self.changed_objects[told.object_id] = booked

    def put(self, one: BookedTransaction, object_id: str) -> None:
        """Book a transaction, known or new, under an object."""
        one.object_id = object_id
        self._below.setdefault(object_id, {})[one.id] = one
        self.transactions[one.id] = self.changed_transactions[one.id] = one

    def write(self) -> None:
        store_children(BookedObject, self.changed_objects.values())
        store_children(BookedTransaction, self.changed_transactions.values())
