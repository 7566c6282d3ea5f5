"""What an order is now, in words."""

from collections.abc import Iterable

from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _

from core.money import format_money
from orders.models import Dispute, Order, OrderState
from orders.timeline.sentences import ATTENTION, tell

# What an order is, and why.
STATES: dict[str, str] = {
    OrderState.DRAFT: _("a draft, since nobody has gone to the checkout with it yet"),
    OrderState.PENDING: _("pending, since it waits for its money"),
    OrderState.PAID: _("paid, since verified money has covered its total"),
    OrderState.PARTIALLY_REFUNDED: _("partially refunded, since some of its money was given back"),
    OrderState.REFUNDED: _("refunded, since all of its money was given back"),
    OrderState.CANCELED: _("canceled, so that nobody is to pay it"),
}

NOTHING_TO_PAY = _("paid, since there was nothing to pay")


def situation(order: Order) -> str:
    """What an order is now, and why, and whether a person should look at it."""
    attention = "; ".join(attention_in_words(order))
    look = f"A person should look: {attention}." if attention else "Nobody needs to look at it."
    return f"{order} is {standing(order)} {look}"


def standing(order: Order, disputes: Iterable[Dispute] | None = None) -> str:
    """Its state, its money, its disputes: those that are given, or as they are now."""
    amounts = {gettext("due"): order.due, gettext("received"): order.received}
    if order.refunded:
        amounts |= {gettext("given back"): order.refunded, gettext("left"): order.received - order.refunded}
    if order.surplus:
        amounts[gettext("too much")] = order.surplus
    money = ", ".join(f"{format_money(amount, order.currency)} {name}" for name, amount in amounts.items())
    why = gettext(NOTHING_TO_PAY if is_paid_for_nothing(order) else STATES[order.state])
    state = f"{why}: {money}"
    told = order.disputes.order_by("updated_at") if disputes is None else disputes
    return " ".join(f"{sentence}." for sentence in (state, *map(dispute_in_words, told)))


def is_paid_for_nothing(order: Order) -> bool:
    return order.state == OrderState.PAID and order.total == 0


def attention_in_words(order: Order) -> list[str]:
    return [str(ATTENTION.get(reason, reason)) for reason in order.attention]


def dispute_in_words(dispute: Dispute) -> str:
    due_by = int(dispute.due_by.timestamp()) if dispute.due_by else None
    data = {"status": dispute.status, "amount": dispute.amount, "reason": dispute.reason, "due_by": due_by}
    return tell("order.dispute_updated", data, dispute.currency)
