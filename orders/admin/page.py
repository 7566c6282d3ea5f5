"""What an order's page shows: the order as it is, or as it was at a moment."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from django.http import HttpRequest
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing.dashboard import dashboard_url, stripe_ids
from core.money import format_money
from core.times import local_time
from orders.admin.actions import attention_of, may_act, offers, why_not
from orders.admin.notes import ERASE
from orders.admin.order_list import DISPUTE_COLORS, STATE_COLORS
from orders.admin.refunding import waiting_of
from orders.decisions.noting import LONGEST
from orders.history import Past
from orders.models import Order
from orders.projections import OrderAggregate
from orders.quote import quote_of
from orders.representations import money_contributors, money_table
from orders.services.refunding import returnable
from orders.sums import OPEN_DISPUTES
from orders.timeline import dispute_in_words, standing, timeline

MOMENTS = {
    "drafted_at": gettext_lazy("Drafted"),
    "placed_at": gettext_lazy("Placed"),
    "paid_at": gettext_lazy("Paid"),
    "canceled_at": gettext_lazy("Canceled"),
}
# What the shopper's bank has taken, or may take.
DISPUTED = OPEN_DISPUTES | {"lost"}


def page_of(request: HttpRequest, order: OrderAggregate) -> dict[str, Any]:
    """As it is, with what can be done."""
    offer = returnable(order)
    return rows_of(order) | {
        "may_act": may_act(request),
        "may_erase": request.user.has_perm(ERASE),
        "offers": offers(request, order, offer),
        "why_not": why_not(request, order, offer),
        "waiting": waiting_of(order.approvals, request),
        "amounts": [*money_of(order), *contributed(order.root)],
        "timeline": timeline(order.root),
        "note_id": uuid4(),
        "longest_note": LONGEST,
        "now": in_address(datetime.now(UTC))[:16],
    }


def page_of_past(past: Past) -> dict[str, Any]:
    """As it was: nothing can be done to it, and what other apps know now is not shown."""
    return rows_of(past.order) | {
        "past": past,
        "before": past.before and in_address(past.before),
        "after": past.after and in_address(past.after),
        "now": in_address(past.at)[:19],  # a browser's field takes no microseconds
        "amounts": money_of(past.order),
        "timeline": timeline(past.order.root, until=past.at),
    }


def rows_of(order: OrderAggregate) -> dict[str, Any]:
    root = order.root
    disputes = by_update(order.disputes)
    given = {line.item_id: line for line in order.lines}
    return {
        "order": root,
        "state_color": STATE_COLORS.get(root.state),
        "dispute_color": DISPUTE_COLORS.get(root.dispute_state),
        "standing": standing(root, disputes),
        "attention": attention_of(root),
        "moments": [(name, local_time(getattr(root, column))) for column, name in MOMENTS.items()],
        "lines": [(line, given[line.item]) for line in quote_of(root, order.lines).lines],
        **objects_of(order, disputes),
    }


def objects_of(order: OrderAggregate, disputes: list[Any]) -> dict[str, Any]:
    """What Stripe has of it, each with where its dashboard shows that."""
    known = stripe_ids()
    accounts = {payment.payment_intent: (payment.account, payment.livemode) for payment in order.payments}
    own = order.root.account, order.root.livemode

    def link(object_id: str, intent: str = "") -> str:
        return dashboard_url(*accounts.get(intent, own), object_id, known=known) if object_id else ""

    return {
        "checkouts": [(one, link(one.object_id)) for one in order.checkouts],
        "payments": [(one, link(one.payment_intent, one.payment_intent)) for one in by_update(order.payments)],
        "refunds": [(one, link(one.refund_id, one.payment_intent)) for one in by_update(order.refunds)],
        "disputes": [(one, dispute_in_words(one), link(one.dispute_id, one.payment_intent)) for one in disputes],
        "reviews": by_update(order.reviews),
    }


def by_update(rows: Iterable[Any]) -> list[Any]:
    return sorted(rows, key=lambda row: (row.updated_at, row.pk))


def money_of(order: OrderAggregate) -> list[tuple[str, str]]:
    """What was quoted, what came in, and what of it went out again."""
    root = order.root
    disputed = sum(
        dispute.amount for dispute in order.disputes if dispute.status in DISPUTED and dispute.currency == root.currency
    )
    figures = [
        (_("Received"), root.received),
        (_("Refunded"), root.refunded),
        (_("Disputed"), disputed),
        (_("Surplus"), root.surplus),
    ]
    quoted = money_table(root, order.lines)
    return [*quoted, *((name, format_money(amount, root.currency)) for name, amount in figures)]


def contributed(order: Order) -> Iterable[tuple[str, str]]:
    return (row for rows in money_contributors for row in rows(order))


def moment_in(text: str) -> datetime | None:
    """The moment that an address names, in UTC unless it says otherwise; None where it names none."""
    try:
        at = parse_datetime(text.strip())
    except ValueError:
        return None
    return at.replace(tzinfo=UTC) if at and at.tzinfo is None else at


def in_address(at: datetime) -> str:
    """`2026-11-24T10:00:00.000001`, in UTC: a plus sign would be read as a space."""
    return at.astimezone(UTC).replace(tzinfo=None).isoformat()
