"""Every row of a timeline: the order's events, those of its Stripe calls, and what other apps contribute."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from heapq import merge

from django.urls import reverse

from billing.models import StripeCall
from core.models import Event
from orders.decisions.noting import digest_of
from orders.models import Order, StaffNote
from orders.timeline.people import actor_in_words, staff_names
from orders.timeline.sentences import sentence_of

NOTE_ADDED = "order.note_added"


@dataclass(frozen=True, kw_only=True)
class Note:
    """What a note says, '' once it was erased; `is_altered`: not what was written, as the log knows."""

    name: str
    text: str
    is_altered: bool = False


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
    note: Note | None = None

    @property
    def icon(self) -> str:
        """Of Material Symbols: an arrow in for what Stripe told us, one out for what we asked of it."""
        if self.name:
            return "call_received"
        return "call_made" if self.kind.startswith("stripe.") else "receipt_long"


type Contributor = Callable[[Order], Iterable[Happening]]

# Functions of apps above this one, each giving its rows of an order, oldest first.
contributors: list[Contributor] = []


def timeline(order: Order, *, until: datetime | None = None) -> list[Happening]:
    """Every row (until a moment), oldest first, in a number of queries that doesn't grow with them.

    Events keep the order of the log: facts of one transaction differ by microseconds that say nothing. The other rows
    are put in where their time falls.
    """
    rows = list(merge(events_of(order), *(rows_of(order) for rows_of in contributors), key=lambda row: row.at))
    rows = [row for row in rows if until is None or row.at <= until]
    staff = staff_names({row.actor for row in rows})
    causes = {row.name: row for row in rows if row.name}
    return [replace(row, actor=actor_in_words(row.actor, staff), caused_by=causes.get(row.cause)) for row in rows]


def events_of(order: Order) -> Iterable[Happening]:
    calls = {call.stream: call for call in StripeCall.objects.filter(subject=order.stream).defer("body")}
    notes = {str(note.pk): note for note in StaffNote.objects.filter(order_id=order.pk)}
    currencies: dict[str, str] = {}
    names: dict[int, str] = {}
    for event in Event.objects.filter(stream__in=[order.stream, *calls]).order_by("position"):
        call = calls.get(event.stream)
        view, key = ("billing_stripecall", call.pk) if call else ("core_event", event.pk)
        names |= names_told(event)
        currency = currency_of(event, currencies, order)
        yield Happening(
            at=event.recorded_at,
            kind=event.kind,
            sentence=sentence_of(event, currency, call.operation if call else "", names),
            actor=event.actor,
            cause=event.cause,
            url=reverse(f"admin:{view}_change", args=[key]),
            note=note_told(event, notes),
        )


def names_told(event: Event) -> dict[int, str]:
    """What a line is called, by item, where an event tells."""
    if event.kind == "order.placed":
        return {line["item"]: line["name"] for line in event.data.get("lines", ())}
    if event.kind == "order.line_set" and event.data.keys() >= {"item", "name"}:
        return {event.data["item"]: event.data["name"]}
    return {}


def note_told(event: Event, notes: Mapping[str, StaffNote]) -> Note | None:
    if event.kind != NOTE_ADDED:
        return None
    name = str(event.data.get("note", ""))
    note = notes.get(name)
    if note is None:
        return Note(name=name, text="")
    is_its = digest_of(bytes(note.salt), note.text) == event.data.get("sha256")
    return Note(name=name, text=note.text, is_altered=not is_its)


def currency_of(event: Event, currencies: dict[str, str], order: Order) -> str:
    """That of amounts which don't say theirs: their payment's, which may be a wrong one, or the order's.

    `currencies` collects those of the payments as they are told.
    """
    intent = event.data.get("payment_intent", "")
    if event.kind == "order.payment_updated":
        currencies[intent] = event.data.get("currency", order.currency)
    return currencies.get(intent, order.currency)
