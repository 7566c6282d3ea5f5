"""What needs a person, counted by partial indexes: orders, disputes, approvals, books, mirrors, calls, deliveries."""

from collections.abc import Iterator
from datetime import timedelta

from django.db.models import Count, F, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from billing.models import OPEN_STATES, CounterpartState, Coupon, StripeCall, TaxRate
from core.money import format_money
from finance.home.needs import Deadline, Need, Tone, finds
from finance.selectors.reconciliation import open_exceptions
from orders.models import AWAITING_EVIDENCE, ApprovalState, Attention, Dispute, Order
from orders.selectors import waiting_approvals
from webhooks.models import Delivery, DeliveryState

DEADLINES_SHOWN = 5
# Until then a call is on its way.
CALL_TAKES = timedelta(minutes=1)


def list_of(model: str, **filters: str) -> str:
    return f"{reverse(f'admin:{model}_changelist')}?{urlencode(filters)}"


@finds("orders.view_order")
def orders_to_look_at() -> Iterator[Need]:
    """By reason; disputes are told below, with their deadlines."""
    noticed = Order.objects.exclude(attention=[])
    counts = noticed.aggregate(
        **{reason.value: Count("pk", filter=Q(attention__contains=[reason.value])) for reason in Attention}
    )
    for reason, icon, says in (
        (Attention.SURPLUS, "savings", more_than_is_due),
        (Attention.UNDERPAID, "money_off", less_than_is_due),
        (Attention.UNCOUNTED, "currency_exchange", uncounted),
        (Attention.REFUND_FAILED, "undo", refund_failed),
        (Attention.QUOTE_MISMATCHED, "difference", quote_mismatched),
        (Attention.IN_REVIEW, "policy", in_review),
    ):
        count = counts[reason.value]
        yield Need(count=count, sentence=says(count), url=list_of("orders_order", attention=reason.value), icon=icon)


def more_than_is_due(count: int) -> str:
    return ngettext("order received more money than is due", "orders received more money than is due", count)


def less_than_is_due(count: int) -> str:
    return ngettext("order received less money than is due", "orders received less money than is due", count)


def uncounted(count: int) -> str:
    return ngettext(
        "order received money that can't be counted: wrong currency or mode",
        "orders received money that can't be counted: wrong currency or mode",
        count,
    )


def refund_failed(count: int) -> str:
    return ngettext(
        "order has a refund that did not reach the shopper",
        "orders have a refund that did not reach the shopper",
        count,
    )


def quote_mismatched(count: int) -> str:
    return ngettext(
        "order was held back: Stripe would have charged another amount than we quoted",
        "orders were held back: Stripe would have charged another amount than we quoted",
        count,
    )


def in_review(count: int) -> str:
    return ngettext(
        "order has a payment that Stripe holds for review", "orders have a payment that Stripe holds for review", count
    )


@finds("orders.view_dispute", "orders.view_order")
def disputes_to_answer() -> Iterator[Need]:
    now = timezone.now()
    awaiting = Dispute.objects.filter(status__in=AWAITING_EVIDENCE)
    count, overdue = awaiting.aggregate(count=Count("pk"), overdue=Count("pk", filter=Q(due_by__lt=now))).values()
    deadlines = tuple(
        Deadline(
            at=dispute.due_by,
            says=_("%(amount)s of order %(order)s")
            % {"amount": format_money(dispute.amount, dispute.currency), "order": dispute.order_id},
            url=reverse("admin:orders_order_change", args=[dispute.order_id]),
        )
        for dispute in awaiting.order_by(F("due_by").asc(nulls_last=True))[:DEADLINES_SHOWN]
        if dispute.due_by
    )
    presses = overdue or any(deadline.at - now < timedelta(days=1) for deadline in deadlines)
    yield Need(
        count=count,
        sentence=ngettext("dispute waits for evidence", "disputes wait for evidence", count),
        url=list_of("orders_dispute", status__in=",".join(AWAITING_EVIDENCE)),
        icon="gavel",
        tone=Tone.DANGER if presses else Tone.WARNING,
        deadlines=deadlines,
    )


@finds("orders.view_refundapproval")
def refunds_to_approve() -> Iterator[Need]:
    count = waiting_approvals().count()
    yield Need(
        count=count,
        sentence=ngettext("refund waits for a second person", "refunds wait for a second person", count),
        url=list_of("orders_refundapproval", state__exact=ApprovalState.WAITING),
        icon="approval",
    )


@finds("finance.view_reconciliationexception")
def books_that_disagree() -> Iterator[Need]:
    count = open_exceptions().count()
    yield Need(
        count=count,
        sentence=ngettext(
            "difference between Stripe's books and ours", "differences between Stripe's books and ours", count
        ),
        url=list_of("finance_reconciliationexception", standing="open"),
        icon="rule",
    )


@finds("billing.view_coupon")
def failed_syncs_of_discounts() -> Iterator[Need]:
    count = Coupon.objects.filter(state=CounterpartState.FAILED).count()
    yield Need(
        count=count,
        sentence=ngettext("discount could not be brought to Stripe", "discounts could not be brought to Stripe", count),
        url=list_of("billing_coupon", state__exact=CounterpartState.FAILED),
        icon="sync_problem",
    )


@finds("billing.view_taxrate")
def failed_syncs_of_taxes() -> Iterator[Need]:
    count = TaxRate.objects.filter(state=CounterpartState.FAILED).count()
    yield Need(
        count=count,
        sentence=ngettext("tax could not be brought to Stripe", "taxes could not be brought to Stripe", count),
        url=list_of("billing_taxrate", state__exact=CounterpartState.FAILED),
        icon="sync_problem",
    )


@finds("billing.view_stripecall")
def open_calls() -> Iterator[Need]:
    before = timezone.now() - CALL_TAKES
    count = StripeCall.objects.filter(state__in=OPEN_STATES, requested_at__lt=before).count()
    yield Need(
        count=count,
        sentence=ngettext(
            "call to Stripe has no outcome yet, for more than a minute",
            "calls to Stripe have no outcome yet, for more than a minute",
            count,
        ),
        url=list_of("billing_stripecall", state__in=",".join(OPEN_STATES), requested_at__lt=before.isoformat()),
        icon="call_made",
    )


@finds("webhooks.view_delivery")
def unhandled_deliveries() -> Iterator[Need]:
    unhandled = Delivery.objects.filter(state__in=DeliveryState.unhandled())
    counts = dict(unhandled.values_list("state").annotate(count=Count("pk")))
    for state, tone, says in (
        (DeliveryState.FAILED, Tone.DANGER, failed_to_be_handled),
        (DeliveryState.REFUSED, Tone.QUIET, of_another_version),
        (DeliveryState.WAITING, Tone.QUIET, waiting_for_their_payment),
    ):
        count = counts.get(state, 0)
        url = list_of("webhooks_delivery", state__exact=state)
        yield Need(count=count, sentence=says(count), url=url, icon="call_received", tone=tone)


def failed_to_be_handled(count: int) -> str:
    return ngettext("delivery of Stripe's could not be handled", "deliveries of Stripe's could not be handled", count)


def of_another_version(count: int) -> str:
    return ngettext(
        "delivery of another API version is being read again",
        "deliveries of another API version are being read again",
        count,
    )


def waiting_for_their_payment(count: int) -> str:
    return ngettext(
        "delivery waits for its payment to be known", "deliveries wait for their payments to be known", count
    )
