"""What happened to an order, told for people: its events, those of its Stripe calls, and what other apps contribute."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from heapq import merge
from string import Formatter
from typing import Any

from django.contrib.auth import get_user_model
from django.urls import reverse

from billing.models import StripeCall
from core.models import Event
from core.money import format_money
from orders.decisions.attention import AttentionNotClearable
from orders.decisions.canceling import OrderNotCancelable
from orders.decisions.placing import OrderNotPayable
from orders.decisions.refunding import OrderNotRefundable
from orders.models import Attention, Dispute, Order, OrderState, PaymentSource


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

# What an event of each kind says, or of a kind that says a certain thing: see `template_of`. The names in braces are
# the event's data in words; a part in square brackets falls away where that is empty.
SENTENCES = {
    "order.drafted": "The order was begun",
    "order.line_set": "{quantity} x {name} at {unit_amount}",
    "order.line_set 0": "{name} was taken out",
    "order.tax_set": "Taxes on a line: {taxes}",
    "order.discount_set": "The discount: {terms}",
    "order.placed": "The order was placed for {total}",
    "order.quote_adopted": "Stripe rounds to {total} where we quoted {quoted_total}: its amounts are the order's now",
    "order.quote_mismatched": "Stripe would have charged {stripe_total}, not {quoted_total}: the shopper was kept back",
    "order.checkout_opened": "Checkout {attempt} was opened",
    "order.checkout_closed": "Checkout {attempt} was closed: {reason}",
    "order.payment_updated": "A payment of {amount} is {status}, says its {source}",
    "order.payment_updated processing": "A payment of {amount} is being processed, says its {source}",
    "order.payment_updated failed": "A payment of {amount} failed[ ({failure_code})], says its {source}",
    "order.payment_updated succeeded": "A payment of {amount} succeeded, says its {source}",
    "order.paid": "The order is paid: {received} received",
    "order.refunded": "The order is {state}: {refunded} given back, {net} left",
    "order.refunded refunded": "The order is refunded in full: {refunded} given back",
    "order.refunded paid": "The order counts as paid in full again: {refunded} given back, {net} left",
    "order.refund_requested": "A refund of {amount} was asked for[: {reason}]",
    "order.refund_updated": "A refund of {amount} is {status}",
    "order.refund_updated pending": "A refund of {amount} is on its way to the shopper",
    "order.refund_updated requires_action": "A refund of {amount} waits for something that the shopper has to do",
    "order.refund_updated succeeded": "A refund of {amount} succeeded",
    "order.refund_updated canceled": "A refund of {amount} was canceled[ ({failure_reason})]: the money stays here",
    "order.refund_updated failed": "A refund of {amount} failed[ ({failure_reason})]: the money is back here",
    "order.dispute_updated": "The dispute over {amount} is {status}",
    "order.dispute_updated warning_needs_response": (
        "The shopper's bank asks about {amount}[ ({reason})], which may become a dispute[: answer by {due_by}]"
    ),
    "order.dispute_updated warning_under_review": "The shopper's bank looks at our answer about {amount}",
    "order.dispute_updated warning_closed": "The shopper's bank asks no more about {amount}: no dispute came of it",
    "order.dispute_updated needs_response": (
        "The shopper's bank wants {amount} back[ ({reason})][: evidence is due by {due_by}]"
    ),
    "order.dispute_updated under_review": "The shopper's bank looks at our evidence in the dispute over {amount}",
    "order.dispute_updated prevented": "A dispute over {amount}[ ({reason})] was prevented",
    "order.dispute_updated won": "The dispute over {amount} was won: the money is ours",
    "order.dispute_updated lost": "The dispute over {amount} was lost: the money is the shopper's",
    "order.review_updated": "A payment was put up for review at Stripe[ ({reason})]",
    "order.review_updated False": "The review at Stripe is over[: {reason}]",
    "order.canceled": "The order was canceled: {reason}",
    "order.canceled staff": "The order was canceled by staff",
    "order.canceled stale": "The order was canceled: nobody paid it in time",
    "order.canceled account_changed": "The basket was begun anew at the account that its currency goes to now",
    "order.canceled emptied": "The basket was given up for one in another currency",
    "order.canceled price_changed": "The order was canceled because its item's price changed",
    "order.attention_raised": "A person should look: {reason}",
    "order.attention_cleared": "No longer a reason to look: {reason}",
    "order.command_refused": "{command} was refused: {reason}",
    "order.event_ignored": "{type} changed nothing: {reason}",
    "stripe.call.requested": "To do at Stripe: {operation}",
    "stripe.call.attempted": (
        "Attempt {number} to {operation}: Stripe answered {http_status}[ ({error_code})] after {milliseconds} ms"
    ),
    "stripe.call.succeeded": "Done at Stripe: {operation}",
    "stripe.call.failed": "Not done at Stripe: {operation} ({reason})",
    "stripe.call.unknown": "Nobody knows yet whether Stripe did it: {operation} ({reason})",
}
# Why a command was refused, in the words that whoever gave it has read.
SENTENCES |= {
    f"order.command_refused {reason}": f"{{command}} was refused: {words}"
    for refusal in (AttentionNotClearable, OrderNotCancelable, OrderNotPayable, OrderNotRefundable)
    for reason, words in refusal.words.items()
}
# The data that may decide between an event's sentences.
DECIDING = ("status", "state", "is_open", "reason", "quantity")
AMOUNTS = {"unit_amount", "total", "stripe_total", "quoted_total", "amount", "received", "refunded", "net"}
# Amounts in the order's own currency, whatever currency the event names.
OWN_AMOUNTS = {"quoted_total"}

ATTENTION = {str(value): str(label) for value, label in Attention.choices}
NOT_ANSWERED = {
    "no_answer": "no answer came",
    "not_carried_out": "Stripe has nothing of it",
    "server_error": "Stripe's server failed",
    "server_error_replayed": "Stripe's server failed",
    "idempotency_key_in_use": "Stripe is still at it",
}
# Codes of one kind of event in words; all other codes are plain enough without their underscores.
REASONS: dict[str, Mapping[str, str]] = {
    "order.attention_raised": ATTENTION,
    "order.attention_cleared": ATTENTION,
    "order.checkout_closed": {
        "completed": "the shopper finished it",
        "expired": "its time was up",
        "canceled": "so that nobody can pay it",
    },
    "order.event_ignored": {
        "already_known": "it told nothing new",
        "told_by_its_refund": "the refund's own events tell it better",
        "told_by_its_charge": "the charge's own events tell it better",
        "told_by_its_session": "the Session's own events tell it better",
        "object_gone": "Stripe has the object that it is about no more",
        "wrong_account": "it came from another account than the order's",
        "wrong_livemode": "it mixes test and live",
        "wrong_session": "it is about another Session than the one that was opened",
    },
    "order.review_updated": {"rule": "by a rule", "manual": "by hand"},
    "stripe.call.failed": NOT_ANSWERED,
    "stripe.call.unknown": NOT_ANSWERED,
}
# Objects of Stripe's, what is asked of it, and what of an order.
NAMES = {str(value): str(label) for value, label in PaymentSource.choices} | {
    "checkout.session": "Session",
    "charges.retrieve": "look at a charge",
    "checkout.sessions.create": "open a checkout",
    "checkout.sessions.expire": "close a checkout",
    "checkout.sessions.list_line_items": "look at a checkout's lines",
    "checkout.sessions.list": "look for a checkout",
    "checkout.sessions.retrieve": "look at a checkout",
    "disputes.retrieve": "look at a dispute",
    "payment_intents.cancel": "cancel a payment",
    "payment_intents.create": "open a payment on our own page",
    "payment_intents.list": "look for a payment",
    "payment_intents.retrieve": "look at a payment",
    "refunds.create": "give money back",
    "refunds.list": "look for a refund",
    "refunds.retrieve": "look at a refund",
    "cancel": "Canceling",
    "checkout": "A checkout",
    "clear_attention": "Clearing a reason to look",
    "refund": "A refund",
}
ACTORS = {"shopper": "shopper", "staff": "{name}", "stripe": "Stripe ({name})", "system": "system ({name})"}

# What an order is, and why.
STATES: dict[str, str] = {
    OrderState.DRAFT: "a draft, since nobody has gone to the checkout with it yet",
    OrderState.PENDING: "pending, since it waits for its money",
    OrderState.PAID: "paid, since verified money has covered its total",
    OrderState.PARTIALLY_REFUNDED: "partially refunded, since some of its money was given back",
    OrderState.REFUNDED: "refunded, since all of its money was given back",
    OrderState.CANCELED: "canceled, so that nobody is to pay it",
}


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


def sentence_of(event: Event, currency: str, operation: str) -> str:
    """An event in words; its kind where SENTENCES has none. `currency` is that of amounts that don't say theirs."""
    return tell(event.kind, event.data | ({"operation": operation} if operation else {}), currency)


def tell(kind: str, data: Mapping[str, Any], currency: str) -> str:
    words = Words({key: in_words(kind, key, value, data.get("currency", currency)) for key, value in data.items()})
    for key in OWN_AMOUNTS & data.keys():
        words[key] = in_words(kind, key, data[key], currency)
    return fill(template_of(kind, data), words)


def template_of(kind: str, data: Mapping[str, Any]) -> str:
    keys = [f"{kind} {data.get(field)}" for field in DECIDING]
    return next((SENTENCES[key] for key in [*keys, kind] if key in SENTENCES), kind)


def fill(template: str, words: Words) -> str:
    said = []
    for index, part in enumerate(re.split(r"\[(.*?)\]", template)):
        names = [name for _, name, _, _ in Formatter().parse(part) if name]
        is_optional = index % 2 == 1
        if not is_optional or all(words.get(name) for name in names):
            said.append(part.format_map(words))
    return "".join(said)


def in_words(kind: str, key: str, value: object, currency: str) -> object:
    said = value
    match key, value:
        case _, int() if key in AMOUNTS:
            said = format_money(value, currency)
        case "due_by", int():
            said = moment(datetime.fromtimestamp(value, UTC))
        case "taxes", list():
            said = ", ".join(f"{terms['name']} {terms['percentage']}%" for terms in value) or "none"
        case "terms", _:
            said = value["name"] if isinstance(value, dict) else "none"
        case "source" | "operation" | "command", str():
            said = NAMES.get(value, value)
        case "http_status", None:
            said = "nothing"
        case (("reason" | "status" | "state" | "failure_reason"), str()):
            said = reason_in_words(kind, value)
    return said


def reason_in_words(kind: str, code: str) -> str:
    return REASONS.get(kind, {}).get(code, code.replace("_", " "))


def moment(at: datetime) -> str:
    """`7 December 2026, 23:59 UTC`."""
    return f"{at.day} {at:%B %Y, %H:%M} UTC"


def situation(order: Order) -> str:
    """What an order is now, and why, and whether a person should look at it."""
    attention = "; ".join(attention_in_words(order))
    look = f"A person should look: {attention}." if attention else "Nobody needs to look at it."
    return f"{order} is {standing(order)} {look}"


def standing(order: Order) -> str:
    """Its state, its money, its disputes."""
    amounts = {"due": order.due, "received": order.received}
    if order.refunded:
        amounts |= {"given back": order.refunded, "left": order.received - order.refunded}
    if order.surplus:
        amounts["too much"] = order.surplus
    money = ", ".join(f"{format_money(amount, order.currency)} {name}" for name, amount in amounts.items())
    why = "paid, since there was nothing to pay" if is_paid_for_nothing(order) else STATES[order.state]
    state = f"{why}: {money}"
    disputes = (dispute_in_words(dispute) for dispute in order.disputes.order_by("updated_at"))
    return " ".join(f"{sentence}." for sentence in (state, *disputes))


def is_paid_for_nothing(order: Order) -> bool:
    return order.state == OrderState.PAID and order.total == 0


def attention_in_words(order: Order) -> list[str]:
    return [ATTENTION.get(reason, reason) for reason in order.attention]


def dispute_in_words(dispute: Dispute) -> str:
    due_by = int(dispute.due_by.timestamp()) if dispute.due_by else None
    data = {"status": dispute.status, "amount": dispute.amount, "reason": dispute.reason, "due_by": due_by}
    return tell("order.dispute_updated", data, dispute.currency)


def staff_names(actors: Iterable[str]) -> dict[str, str]:
    """Actor -> name to show, of those actors that are staff; one query, and none where there are no staff."""
    keys = {actor.removeprefix("staff:") for actor in actors if actor.startswith("staff:")}
    users = get_user_model().objects.in_bulk([key for key in keys if key.isdecimal()])
    return {f"staff:{key}": user.get_full_name() or user.get_username() for key, user in users.items()}


def actor_in_words(actor: str, staff: Mapping[str, str]) -> str:
    role, _, name = actor.partition(":")
    return ACTORS.get(role, actor).format(name=staff.get(actor, name if role != "staff" else f"staff {name}"))
