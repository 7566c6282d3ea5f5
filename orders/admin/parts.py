"""What belongs to an order, each kind on pages of its own."""

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from billing.admin import AccountFilter
from core.admin import ReadOnlyAdmin, indented_json, text_link
from core.money import format_money
from core.times import local_time
from orders.models import (
    Checkout,
    CheckoutState,
    Dispute,
    OrderLine,
    Payment,
    PaymentStatus,
    Refund,
    RefundRequest,
    Review,
)
from orders.timeline import dispute_in_words

CHECKOUT_COLORS: dict[str, str] = {
    CheckoutState.OPEN: "info",
    CheckoutState.COMPLETED: "success",
    CheckoutState.EXPIRED: "warning",
    CheckoutState.CANCELED: "danger",
}
PAYMENT_COLORS: dict[str, str] = {
    PaymentStatus.PROCESSING: "info",
    PaymentStatus.FAILED: "danger",
    PaymentStatus.SUCCEEDED: "success",
}
REFUND_COLORS = {"pending": "info", "requires_action": "warning", "succeeded": "success", "failed": "danger"}
DISPUTE_COLORS = {
    "warning_needs_response": "warning",
    "warning_under_review": "info",
    "needs_response": "warning",
    "under_review": "info",
    "won": "success",
    "lost": "danger",
}
REVIEW_COLORS = {"open": "warning", "over": "success"}


type Part = OrderLine | Checkout | Payment | Refund | Dispute | Review | RefundRequest


def order_link(order_id: int) -> SafeString:
    address = reverse("admin:orders_order_change", args=[order_id])
    said = gettext("Order %(number)s") % {"number": order_id}
    return format_html('<span class="whitespace-nowrap">{}</span>', text_link(address, said))


class OrderPartAdmin(ReadOnlyAdmin):
    """A row below an order: newest orders first."""

    ordering = ["-order_id", "id"]
    list_select_related = ["order"]
    search_fields = ["order_id__exact", "id__exact"]
    search_help_text = _("Order's number, or the row's id")

    @display(description=_("order"))
    def of_order(self, row: Part) -> SafeString:
        return order_link(row.order_id)

    @display(description=_("amount"))
    def money(self, row: Payment | Refund | Dispute) -> str:
        return format_money(row.amount, row.currency)

    @display(description=_("updated"))
    def updated(self, row: Payment | Refund | Dispute | Review) -> SafeString | str:
        return local_time(row.updated_at)


@admin.register(OrderLine)
class OrderLineAdmin(OrderPartAdmin):
    """What was ordered, at the price of that moment."""

    list_display = ["id", "of_order", "name", "quantity", "each", "discounted", "taxed", "amount"]
    fields = ["id", "of_order", "item", "name", "quantity", "each", "discounted", "taxed", "amount"]

    def each(self, line: OrderLine) -> str:
        return format_money(line.unit_amount, line.order.currency)

    @display(description=_("discount"))
    def discounted(self, line: OrderLine) -> str:
        return format_money(line.discount, line.order.currency)

    @display(description=_("tax"))
    def taxed(self, line: OrderLine) -> str:
        return format_money(line.tax, line.order.currency)

    @display(description=_("total"))
    def amount(self, line: OrderLine) -> str:
        return format_money(line.total, line.order.currency)


@admin.register(Checkout)
class CheckoutAdmin(OrderPartAdmin):
    """Attempts to let a shopper pay."""

    list_display = ["id", "of_order", "attempt", "labelled_state", "opened", "closed", "object_id"]
    list_filter = ["state"]
    search_fields = ["order_id__exact", "id__exact", "session_id__exact", "payment_intent__exact"]
    fields = ["id", "of_order", "attempt", "labelled_state", "opened", "expires", "closed", "object_id", "call"]

    @display(description=_("state"), label=CHECKOUT_COLORS)
    def labelled_state(self, checkout: Checkout) -> str:
        return checkout.state

    @display(description=_("Stripe call"))
    def call(self, checkout: Checkout) -> SafeString | str:
        if not checkout.call_id:
            return "-"
        return text_link(reverse("admin:billing_stripecall_change", args=[checkout.call_id]), checkout.call_id)

    @display(description=_("opened"))
    def opened(self, checkout: Checkout) -> SafeString | str:
        return local_time(checkout.opened_at)

    @display(description=_("expires"))
    def expires(self, checkout: Checkout) -> SafeString | str:
        return local_time(checkout.expires_at)

    @display(description=_("closed"))
    def closed(self, checkout: Checkout) -> SafeString | str:
        return local_time(checkout.closed_at)


@admin.register(Payment)
class PaymentAdmin(OrderPartAdmin):
    """What Stripe's objects say of each payment."""

    list_display = [
        "source_id",
        "of_order",
        "payment_intent",
        "labelled_status",
        "failure_code",
        "money",
        "account",
        "updated",
    ]
    search_fields = ["order_id__exact", "id__exact", "payment_intent__exact"]
    search_help_text = _("Order's number, the row's id, or pi_…")
    list_filter = ["status", AccountFilter]
    fields = [
        "source",
        "source_id",
        "of_order",
        "payment_intent",
        "charge",
        "labelled_status",
        "failure_code",
        "money",
        "account",
        "mode",
        "updated",
    ]

    @display(description=_("status"), label=PAYMENT_COLORS)
    def labelled_status(self, payment: Payment) -> str:
        return payment.status

    @display(description=_("mode"))
    def mode(self, payment: Payment) -> str:
        return gettext("live") if payment.livemode else gettext("test")


@admin.register(Refund)
class RefundAdmin(OrderPartAdmin):
    """What was given back, or is to be, whoever asked for it."""

    list_display = ["refund_id", "of_order", "labelled_status", "money", "failure_reason", "payment_intent", "updated"]
    search_fields = ["order_id__exact", "id__exact", "payment_intent__exact"]
    search_help_text = _("Order's number, the row's id, or pi_…")
    fields = [
        "refund_id",
        "of_order",
        "payment_intent",
        "charge",
        "labelled_status",
        "failure_reason",
        "money",
        "updated",
    ]

    @display(description=_("status"), label=REFUND_COLORS)
    def labelled_status(self, refund: Refund) -> str:
        return refund.status


@admin.register(Dispute)
class DisputeAdmin(OrderPartAdmin):
    """What shoppers' banks ask or want back."""

    list_display = ["dispute_id", "of_order", "labelled_status", "money", "due", "reason", "updated"]
    list_display_links = ["dispute_id"]
    search_fields = ["order_id__exact", "id__exact"]
    fields = [
        "dispute_id",
        "of_order",
        "payment_intent",
        "charge",
        "labelled_status",
        "in_words",
        "money",
        "reason",
        "due",
        "updated",
    ]

    @display(description=_("status"), label=DISPUTE_COLORS)
    def labelled_status(self, dispute: Dispute) -> str:
        return dispute.status

    def in_words(self, dispute: Dispute) -> str:
        return dispute_in_words(dispute)

    @display(description=_("evidence due by"))
    def due(self, dispute: Dispute) -> SafeString | str:
        return local_time(dispute.due_by)


@admin.register(Review)
class ReviewAdmin(OrderPartAdmin):
    """Payments that Stripe's Radar wants looked at; that is done at Stripe."""

    list_display = ["review_id", "of_order", "labelled_state", "reason", "updated"]
    fields = ["review_id", "of_order", "labelled_state", "reason", "updated"]

    @display(description=_("state"), label=REVIEW_COLORS)
    def labelled_state(self, review: Review) -> str:
        return "open" if review.is_open else "over"


@admin.register(RefundRequest)
class RefundRequestAdmin(OrderPartAdmin):
    """What we asked Stripe to give back, whatever came of it."""

    list_display = ["call_id", "of_order", "amount", "reason", "payment_intent", "approval", "requested"]
    search_fields = ["order_id__exact", "id__exact"]
    fields = ["call", "of_order", "payment_intent", "amount", "reason", "content", "approval", "requested"]

    @display(description=_("amount (minor units)"))
    def amount(self, request: RefundRequest) -> int:
        return request.amount

    @display(description=_("Stripe call"))
    def call(self, request: RefundRequest) -> SafeString:
        return text_link(reverse("admin:billing_stripecall_change", args=[request.call_id]), request.call_id)

    @display(description=_("lines"))
    def content(self, request: RefundRequest) -> SafeString:
        return indented_json(request.lines)

    @display(description=_("requested"))
    def requested(self, request: RefundRequest) -> SafeString | str:
        return local_time(request.requested_at)
