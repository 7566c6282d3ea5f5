"""What happened to an order, told for people: its events, those of its Stripe calls, and what other apps contribute."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from heapq import merge
from typing import Any

from django.contrib.auth import get_user_model
from django.urls import reverse

from billing.models import StripeCall
from core.models import Event
from core.money import format_money
from orders.models import Attention, Order


@dataclass(frozen=True, kw_only=True)
class Happening:
    """One row of the timeline. `name` is what another row's `cause` may say: a Stripe event's id."""

    at: datetime
    kind: str
    sentence: str
    actor: str
    url: str
    name: str = ""
    cause: str = ""
    caused_by: "Happening | None" = None

    @property
    def icon(self) -> str:
        """Of Material Symbols: an arrow in for what Stripe told us, one out for what we asked of it."""
        if self.name:
            return "call_received"
        return "call_made" if self.kind.startswith("stripe.") else "receipt_long"


type Contributor = Callable[[Order], Iterable[Happening]]

# Functions of apps above this one, each giving its rows of an order, oldest first.
contributors: list[Contributor] = []

# What an event of each kind says; the names in braces are the event's data, amounts and codes in words.
SENTENCES = {
    "order.drafted": "The order was begun",
    "order.line_set": "{quantity} x {name} at {unit_amount}",
    "order.placed": "The order was placed for {total}",
    "order.quote_mismatched": "Stripe would have charged {stripe_total}, not {quoted_total}: the shopper was kept back",
    "order.checkout_opened": "Checkout {attempt} was opened",
    "order.checkout_closed": "Checkout {attempt} was closed: {reason}",
    "order.payment_updated": "A payment of {amount} {status}, says its {source}",
    "order.paid": "The order is paid: {received} received",
    "order.refunded": "The order is {state}: {refunded} given back, {net} left",
    "order.refund_requested": "A refund of {amount} was asked for: {reason}",
    "order.refund_updated": "A refund of {amount} {status}",
    "order.dispute_updated": "A dispute over {amount}: {status} ({reason})",
    "order.review_updated": "A review by Stripe Radar: {reason}",
    "order.canceled": "The order was canceled {reason}",
    "order.attention_raised": "A person should look: {reason}",
    "order.attention_cleared": "Nobody needs to look any more: {reason}",
    "order.event_ignored": "{type} changed nothing: {reason}",
    "stripe.call.requested": "To do at Stripe: {operation}",
    "stripe.call.attempted": "Attempt {number} to {operation}: Stripe answered {http_status} after {milliseconds} ms",
    "stripe.call.succeeded": "Done at Stripe: {operation}",
    "stripe.call.failed": "Not done at Stripe: {operation} ({reason})",
    "stripe.call.unknown": "Nobody knows yet whether Stripe did it: {operation} ({reason})",
}
AMOUNTS = {"unit_amount", "total", "stripe_total", "quoted_total", "amount", "received", "refunded", "net"}
CODED = {"operation", "reason", "status", "source", "http_status"}
CODES = {
    **{str(value): label for value, label in Attention.choices},
    "checkout.session": "Session",
    "payment_intent": "PaymentIntent",
    "checkout.sessions.create": "open a checkout",
    "checkout.sessions.expire": "close a checkout",
    "completed": "the shopper finished it",
    "expired": "its time was up",
    "canceled": "so that nobody can pay it",
    "processing": "is being processed",
    "succeeded": "succeeded",
    "price_changed": "because its item's price changed",
    "staff": "by staff",
    "already_known": "we knew it already",
    "changed_nothing": "we knew it already",
    "wrong_account": "it came from another account than the order's",
    "wrong_livemode": "it mixes test and live",
    "None": "nothing",
}
ACTORS = {"shopper": "shopper", "staff": "{name}", "stripe": "Stripe ({name})", "system": "system ({name})"}


class Words(dict[str, Any]):
    """Data for a sentence; an event that was tampered with lacks some, and its order must stay readable."""

    def __missing__(self, key: str) -> str:
        return "?"


def timeline(order: Order) -> list[Happening]:
    """Every row, oldest first, in a number of queries that doesn't grow with them.

    Events keep the order of the log: facts of one transaction differ by microseconds that say nothing. The other rows
    are put in where their time falls.
    """
    rows = list(merge(events_of(order), *(rows_of(order) for rows_of in contributors), key=lambda row: row.at))
    staff = staff_names({row.actor for row in rows})
    causes = {row.name: row for row in rows if row.name}
    return [replace(row, actor=actor_in_words(row.actor, staff), caused_by=causes.get(row.cause)) for row in rows]


def events_of(order: Order) -> Iterable[Happening]:
    calls = {call.stream: call for call in StripeCall.objects.filter(subject=order.stream).defer("body")}
    for event in Event.objects.filter(stream__in=[order.stream, *calls]).order_by("position"):
        call = calls.get(event.stream)
        view, key = ("billing_stripecall", call.pk) if call else ("core_event", event.pk)
        yield Happening(
            at=event.recorded_at,
            kind=event.kind,
            sentence=sentence_of(event, order.currency, call.operation if call else ""),
            actor=event.actor,
            cause=event.cause,
            url=reverse(f"admin:{view}_change", args=[key]),
        )


def sentence_of(event: Event, currency: str, operation: str) -> str:
    """An event in words; its kind where SENTENCES has none. `currency` is that of amounts that don't say theirs."""
    data: dict[str, Any] = event.data | ({"operation": operation} if operation else {})
    return SENTENCES.get(event.kind, event.kind).format_map(
        Words({key: in_words(key, value, data.get("currency", currency)) for key, value in data.items()})
    )


def in_words(key: str, value: object, currency: str) -> object:
    if key in AMOUNTS and isinstance(value, int):
        return format_money(value, currency)
    return CODES.get(str(value), value) if key in CODED else value


def staff_names(actors: Iterable[str]) -> dict[str, str]:
    """Actor -> name to show, of those actors that are staff; one query, and none where there are no staff."""
    keys = {actor.removeprefix("staff:") for actor in actors if actor.startswith("staff:")}
    users = get_user_model().objects.in_bulk([key for key in keys if key.isdecimal()])
    return {f"staff:{key}": user.get_full_name() or user.get_username() for key, user in users.items()}


def actor_in_words(actor: str, staff: Mapping[str, str]) -> str:
    role, _, name = actor.partition(":")
    return ACTORS.get(role, actor).format(name=staff.get(actor, name if role != "staff" else f"staff {name}"))
