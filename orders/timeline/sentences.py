"""An event in words: a template for each kind, filled with its data."""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from string import Formatter
from typing import Any

from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _

from core.models import Event
from core.money import format_money
from orders.decisions.approving import ApprovalNotDecidable
from orders.decisions.attention import AttentionNotClearable
from orders.decisions.canceling import OrderNotCancelable
from orders.decisions.noting import NoteRefused
from orders.decisions.placing import OrderNotPayable
from orders.decisions.refunding import OrderNotRefundable
from orders.models import Attention, PaymentSource

# All texts here are marked, and translated where they are told.
# What an event of each kind says, or of a kind that says a certain thing: see `template_of`. The names in braces are
# the event's data in words; a part in square brackets falls away where that is empty.
SENTENCES = {
    "order.drafted": _("The order was begun"),
    "order.line_set": _("{quantity} x {name} at {unit_amount}"),
    "order.line_set 0": _("{name} was taken out"),
    "order.tax_set": _("Taxes on a line: {taxes}"),
    "order.discount_set": _("The discount: {terms}"),
    "order.placed": _("The order was placed for {total}"),
    "order.quote_adopted": _(
        "Stripe rounds to {total} where we quoted {quoted_total}: its amounts are the order's now"
    ),
    "order.quote_mismatched": _(
        "Stripe would have charged {stripe_total}, not {quoted_total}: the shopper was kept back"
    ),
    "order.checkout_opened": _("Checkout {attempt} was opened"),
    "order.checkout_closed": _("Checkout {attempt} was closed: {reason}"),
    "order.payment_updated": _("A payment of {amount} is {status}, says its {source}"),
    "order.payment_updated processing": _("A payment of {amount} is being processed, says its {source}"),
    "order.payment_updated failed": _("A payment of {amount} failed[ ({failure_code})], says its {source}"),
    "order.payment_updated succeeded": _("A payment of {amount} succeeded, says its {source}"),
    "order.paid": _("The order is paid: {received} received"),
    "order.refunded": _("The order is {state}: {refunded} given back, {net} left"),
    "order.refunded refunded": _("The order is refunded in full: {refunded} given back"),
    "order.refunded paid": _("The order counts as paid in full again: {refunded} given back, {net} left"),
    "order.refund_requested": _("A refund of {amount} was asked for[, for {of_lines}][: {reason}]"),
    "order.refund_approval_requested": _(
        "A refund of {amount}[, for {of_lines}] waits for a second person[: {reason}]"
    ),
    "order.refund_approved": _("A refund of {amount} was approved by a second person"),
    "order.refund_declined": _("A refund of {amount} was declined"),
    "order.refund_updated": _("A refund of {amount} is {status}"),
    "order.refund_updated pending": _("A refund of {amount} is on its way to the shopper"),
    "order.refund_updated requires_action": _("A refund of {amount} waits for something that the shopper has to do"),
    "order.refund_updated succeeded": _("A refund of {amount} succeeded"),
    "order.refund_updated canceled": _("A refund of {amount} was canceled[ ({failure_reason})]: the money stays here"),
    "order.refund_updated failed": _("A refund of {amount} failed[ ({failure_reason})]: the money is back here"),
    "order.dispute_updated": _("The dispute over {amount} is {status}"),
    "order.dispute_updated warning_needs_response": _(
        "The shopper's bank asks about {amount}[ ({reason})], which may become a dispute[: answer by {due_by}]"
    ),
    "order.dispute_updated warning_under_review": _("The shopper's bank looks at our answer about {amount}"),
    "order.dispute_updated warning_closed": _("The shopper's bank asks no more about {amount}: no dispute came of it"),
    "order.dispute_updated needs_response": _(
        "The shopper's bank wants {amount} back[ ({reason})][: evidence is due by {due_by}]"
    ),
    "order.dispute_updated under_review": _("The shopper's bank looks at our evidence in the dispute over {amount}"),
    "order.dispute_updated prevented": _("A dispute over {amount}[ ({reason})] was prevented"),
    "order.dispute_updated won": _("The dispute over {amount} was won: the money is ours"),
    "order.dispute_updated lost": _("The dispute over {amount} was lost: the money is the shopper's"),
    "order.review_updated": _("A payment was put up for review at Stripe[ ({reason})]"),
    "order.review_updated False": _("The review at Stripe is over[: {reason}]"),
    "order.canceled": _("The order was canceled: {reason}"),
    "order.canceled staff": _("The order was canceled by staff"),
    "order.canceled stale": _("The order was canceled: nobody paid it in time"),
    "order.canceled account_changed": _("The basket was begun anew at the account that its currency goes to now"),
    "order.canceled emptied": _("The basket was given up for one in another currency"),
    "order.canceled price_changed": _("The order was canceled because its item's price changed"),
    "order.mail_sent": _("An e-mail was sent: {kind}"),
    "order.mail_sent paid": _("An e-mail was sent: the order is paid"),
    "order.mail_sent refunded": _("An e-mail was sent: a refund was made ({reference})"),
    "order.mail_sent payment_failed": _("An e-mail was sent: a payment failed, and the order can be paid again"),
    "order.note_added": _("A note was added"),
    "order.note_erased": _("The text of a note was erased"),
    "order.contact_forgotten": _("What we held of the shopper was forgotten, on their request"),
    "order.links_revoked": _("The links to the order's page were made invalid"),
    "order.attention_raised": _("A person should look: {reason}"),
    "order.attention_cleared": _("No longer a reason to look: {reason}"),
    "order.command_refused": _("{command} was refused: {reason}"),
    "order.event_ignored": _("{type} changed nothing: {reason}"),
    "stripe.call.requested": _("To do at Stripe: {operation}"),
    "stripe.call.attempted": _(
        "Attempt {number} to {operation}: Stripe answered {http_status}[ ({error_code})] after {milliseconds} ms"
    ),
    "stripe.call.succeeded": _("Done at Stripe: {operation}"),
    "stripe.call.failed": _("Not done at Stripe: {operation} ({reason})"),
    "stripe.call.unknown": _("Nobody knows yet whether Stripe did it: {operation} ({reason})"),
}
REFUSED = "order.command_refused"
REFUSALS = (
    ApprovalNotDecidable,
    AttentionNotClearable,
    NoteRefused,
    OrderNotCancelable,
    OrderNotPayable,
    OrderNotRefundable,
)
# The data that may decide between an event's sentences.
DECIDING = ("status", "state", "is_open", "reason", "quantity", "kind")
AMOUNTS = {"unit_amount", "total", "stripe_total", "quoted_total", "amount", "received", "refunded", "net"}
# Facts whose lines are told in `{of_lines}`.
OF_LINES = ("order.refund_requested", "order.refund_approval_requested")
# Amounts in the order's own currency, whatever currency the event names.
OWN_AMOUNTS = {"quoted_total"}

ATTENTION: dict[str, Any] = {str(value): label for value, label in Attention.choices}
NOT_ANSWERED = {
    "no_answer": _("no answer came"),
    "not_carried_out": _("Stripe has nothing of it"),
    "server_error": _("Stripe's server failed"),
    "server_error_replayed": _("Stripe's server failed"),
    "idempotency_key_in_use": _("Stripe is still at it"),
}
# Codes of one kind of event in words; all other codes are plain enough without their underscores.
REASONS: dict[str, Mapping[str, Any]] = {
    # In the words that whoever gave the command has read; they may name its amount.
    REFUSED: {reason: words for refusal in REFUSALS for reason, words in refusal.words.items()},
    "order.attention_raised": ATTENTION,
    "order.attention_cleared": ATTENTION,
    "order.checkout_closed": {
        "completed": _("the shopper finished it"),
        "expired": _("its time was up"),
        "canceled": _("so that nobody can pay it"),
    },
    "order.event_ignored": {
        "already_known": _("it told nothing new"),
        "told_by_its_refund": _("the refund's own events tell it better"),
        "told_by_its_charge": _("the charge's own events tell it better"),
        "told_by_its_session": _("the Session's own events tell it better"),
        "object_gone": _("Stripe has the object that it is about no more"),
        "wrong_account": _("it came from another account than the order's"),
        "wrong_livemode": _("it mixes test and live"),
        "wrong_session": _("it is about another Session than the one that was opened"),
    },
    "order.review_updated": {"rule": _("by a rule"), "manual": _("by hand")},
    "stripe.call.failed": NOT_ANSWERED,
    "stripe.call.unknown": NOT_ANSWERED,
}
# Objects of Stripe's, what is asked of it, and what of an order.
NAMES: dict[str, Any] = {str(value): str(label) for value, label in PaymentSource.choices} | {
    "checkout.session": "Session",
    "charges.retrieve": _("look at a charge"),
    "checkout.sessions.create": _("open a checkout"),
    "checkout.sessions.expire": _("close a checkout"),
    "checkout.sessions.list_line_items": _("look at a checkout's lines"),
    "checkout.sessions.list": _("look for a checkout"),
    "checkout.sessions.retrieve": _("look at a checkout"),
    "disputes.retrieve": _("look at a dispute"),
    "payment_intents.cancel": _("cancel a payment"),
    "payment_intents.create": _("open a payment on our own page"),
    "payment_intents.list": _("look for a payment"),
    "payment_intents.retrieve": _("look at a payment"),
    "refunds.create": _("give money back"),
    "refunds.list": _("look for a refund"),
    "refunds.retrieve": _("look at a refund"),
    "cancel": _("Canceling"),
    "checkout": _("A checkout"),
    "clear_attention": _("Clearing a reason to look"),
    "decide_approval": _("Deciding about a refund"),
    "note": _("A note"),
    "refund": _("A refund"),
}


class Words(dict[str, Any]):
    """Data for a sentence; an event that was tampered with lacks some, and its order must stay readable."""

    def __missing__(self, key: str) -> str:
        return "?"


def sentence_of(event: Event, currency: str, operation: str, names: Mapping[int, str] | None = None) -> str:
    """An event in words; its kind where SENTENCES has none.

    `currency` is that of amounts that don't say theirs, `names` are those of the lines, by item.
    """
    data = event.data | ({"operation": operation} if operation else {})
    if names and (parts := data.get("lines")) and event.kind in OF_LINES:
        data["of_lines"] = lines_in_words(parts, names, data.get("currency", currency))
    return tell(event.kind, data, currency)


def lines_in_words(parts: Iterable[Mapping[str, int]], names: Mapping[int, str], currency: str) -> str:
    """`2 x Enamel mug, $1.00 of Field notebook`."""
    said = []
    for part in parts:
        name = names.get(part["item"], part["item"])
        amount = format_money(part["amount"], currency)
        said.append(
            f"{part['quantity']} x {name}"
            if part["quantity"]
            else gettext("%(amount)s of %(name)s") % {"amount": amount, "name": name}
        )
    return ", ".join(said)


def tell(kind: str, data: Mapping[str, Any], currency: str) -> str:
    words = Words({key: in_words(kind, key, value, data.get("currency", currency)) for key, value in data.items()})
    for key in OWN_AMOUNTS & data.keys():
        words[key] = in_words(kind, key, data[key], currency)
    if kind == REFUSED:
        words["reason"] = str(words["reason"]).format_map(words)
    return fill(template_of(kind, data), words)


def template_of(kind: str, data: Mapping[str, Any]) -> str:
    keys = [f"{kind} {data.get(field)}" for field in DECIDING]
    return gettext(next((SENTENCES[key] for key in [*keys, kind] if key in SENTENCES), kind))


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
            said = ", ".join(f"{terms['name']} {terms['percentage']}%" for terms in value) or gettext("none")
        case "terms", _:
            said = value["name"] if isinstance(value, dict) else gettext("none")
        case "source" | "operation" | "command", str():
            said = gettext(NAMES.get(value, value))
        case "http_status", None:
            said = gettext("nothing")
        case (("reason" | "status" | "state" | "failure_reason"), str()):
            said = reason_in_words(kind, value)
    return said


def reason_in_words(kind: str, code: str) -> str:
    known = REASONS.get(kind, {}).get(code)
    return code.replace("_", " ") if known is None else gettext(str(known))


def moment(at: datetime) -> str:
    """`7 December 2026, 23:59 UTC`, in the zone and the language of who reads it."""
    local = localtime(at)
    return f"{date_format(local, 'j E Y, H:i')} {local:%Z}"
