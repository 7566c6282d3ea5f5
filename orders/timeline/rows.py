"""Every row of a timeline: the order's events, those of its Stripe calls, and what other apps contribute."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from heapq import merge

from django.urls import reverse

from billing.models import StripeCall
from core.models import Event
from orders.models import Order
from orders.timeline.people import actor_in_words, staff_names
from orders.timeline.sentences import sentence_of


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
    currencies: dict[str, str] = {}
    for event in Event.objects.filter(stream__in=[order.stream, *calls]).order_by("position"):
        call = calls.get(event.stream)
        view, key = ("billing_stripecall", call.pk) if call else ("core_event", event.pk)
        yield Happening(
            at=event.recorded_at,
            kind=event.kind,
            sentence=sentence_of(event, currency_of(event, currencies, order), call.operation if call else ""),
            actor=event.actor,
            cause=event.cause,
            url=reverse(f"admin:{view}_change", args=[key]),
        )


def currency_of(event: Event, currencies: dict[str, str], order: Order) -> str:
    """That of amounts which don't say theirs: their payment's, which may be a wrong one, or the order's.

    `currencies` collects those of the payments as they are told.
    """
    intent = event.data.get("payment_intent", "")
    if event.kind == "order.payment_updated":
        currencies[intent] = event.data.get("currency", order.currency)
    return currencies.get(intent, order.currency)
