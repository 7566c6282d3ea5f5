"""Finding orders by what staff have in hand: a number, an id of Stripe's, a call's id, an item."""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from billing.models import StripeCall
from core.models import Event
from orders.models import Checkout, Dispute, Item, Order, OrderLine, Payment, Refund, Review

BIGINT_DIGITS = 18
# Of one id there are few orders, as a rule one; of a name as many items as a person would tell apart.
AT_MOST = 1000
ITEMS_AT_MOST = 50
STRIPE_ID = re.compile(r"[a-z]+_[A-Za-z0-9_]+")
NUMBER = re.compile(r"(?:order[ -]|#)?([0-9]{1,18})", re.IGNORECASE)
ITEM = re.compile(r"item[ -]?([0-9]{1,18})", re.IGNORECASE)

type Finder = Callable[[str], Iterable[int]]

# Functions of apps above this one, each giving the orders that an id of Stripe's leads to.
order_finders: list[Finder] = []


def orders_found_by(term: str) -> Q:
    """What the list of orders is filtered by for a search; ids are looked up first, and each is the whole id."""
    if asked := ITEM.fullmatch(term):
        return with_items([int(asked[1])])
    if found := set(ids_found_by(term)):
        return Q(pk__in=sorted(found))
    named = Item.objects.filter(name__icontains=term).order_by("pk").values_list("pk", flat=True)
    return with_items(list(named[:ITEMS_AT_MOST]))


def ids_found_by(term: str) -> Iterator[int]:
    if number := NUMBER.fullmatch(term):
        yield int(number[1])
    if call_id := as_uuid(term):
        subjects = StripeCall.objects.filter(pk=call_id).values_list("subject", flat=True)
        yield from orders_of_streams(subjects)
    if STRIPE_ID.fullmatch(term):
        yield from in_own_rows(term)
        for finder in order_finders:
            yield from finder(term)


def in_own_rows(term: str) -> Iterator[int]:
    """By its prefix we know what it is an id of. Source: the example ids in docs.stripe.com/api."""
    prefix = term.partition("_")[0]
    if prefix == "evt":
        yield from orders_of_streams(Event.objects.filter(cause=term).values_list("stream", flat=True)[:AT_MOST])
    by_prefix: dict[str, list[QuerySet[Any]]] = {
        "cs": [Checkout.objects.filter(session_id=term), Payment.objects.filter(source_id=term)],
        "pi": [Checkout.objects.filter(payment_intent=term), Payment.objects.filter(payment_intent=term)],
        "re": [Refund.objects.filter(refund_id=term)],
        "du": [Dispute.objects.filter(dispute_id=term)],
        "prv": [Review.objects.filter(review_id=term)],
        "ch": [
            Payment.objects.filter(Q(charge=term) | Q(source_id=term)),
            Refund.objects.filter(charge=term),
            Dispute.objects.filter(charge=term),
        ],
    }
    by_prefix |= {"dp": by_prefix["du"], "py": by_prefix["ch"], "pyr": by_prefix["re"]}
    for rows in by_prefix.get(prefix, []):
        yield from rows.values_list("order_id", flat=True)[:AT_MOST]


def orders_of_streams(streams: Iterable[str]) -> Iterator[int]:
    for stream in streams:
        key = Order.key_in(stream)
        if key is not None:
            yield int(key)


def with_items(items: list[int]) -> Q:
    """The orders with one of these items; an item stands in one line of an order at most, so one item needs no more."""
    if len(items) == 1:
        return Q(lines__item_id=items[0])
    return Q(pk__in=OrderLine.objects.filter(item_id__in=items).values("order_id"))


def as_uuid(term: str) -> UUID | None:
    try:
        return UUID(term)
    except ValueError:
        return None
