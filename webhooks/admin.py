"""Deliveries in the admin, without the personal data in them, and their rows in an order's timeline."""

import json
from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.safestring import SafeString
from unfold.decorators import display

from billing.admin import AccountFilter
from core.admin import ReadOnlyAdmin, indented_json, utc
from orders import timeline
from orders.admin import order_link
from orders.models import Order
from webhooks.models import Delivery, DeliveryState

STATE_COLORS: dict[str, str] = {
    DeliveryState.RECEIVED: "info",
    DeliveryState.HANDLED: "success",
    DeliveryState.REFUSED: "warning",
    DeliveryState.FAILED: "danger",
}
HIDDEN = "(hidden)"
# Fields of Stripe's objects that describe a person or a means of payment, or that open something: all below them is
# hidden too. Source: docs.stripe.com/api, the objects charge, checkout.session, payment_intent and payment_method.
PERSONAL = frozenset(
    [
        "address",
        "billing_details",
        "card",
        "card_present",
        "client_secret",
        "collected_information",
        "custom_fields",
        "customer_details",
        "customer_email",
        "email",
        "fingerprint",
        "individual_name",
        "ip_address",
        "last4",
        "name",
        "payment_method_details",
        "phone",
        "receipt_email",
        "receipt_url",
        "shipping",
        "shipping_address",
        "shipping_details",
        "tax_ids",
        "user_agent",
    ]
)


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin):
    """What Stripe delivered, newest first."""

    list_display = ["received", "type", "labelled_state", "reason", "of_order", "account", "attempts", "event_id"]
    list_display_links = ["received", "type"]
    list_filter = ["state", AccountFilter]
    ordering = ["-id"]
    search_fields = ["event_id__exact", "order_id__exact"]
    search_help_text = "Order's number, or evt_…"
    fields = [
        "event_id",
        "type",
        "labelled_state",
        "reason",
        "of_order",
        "object_id",
        "account",
        "api_version",
        "mode",
        "attempts",
        "received",
        "handled",
        "content",
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Delivery]:
        deliveries: QuerySet[Delivery] = super().get_queryset(request)
        return deliveries.defer("payload")

    @display(description="received (UTC)")
    def received(self, delivery: Delivery) -> SafeString | str:
        return utc(delivery.received_at)

    @display(description="handled (UTC)")
    def handled(self, delivery: Delivery) -> SafeString | str:
        return utc(delivery.handled_at)

    @display(description="state", label=STATE_COLORS)
    def labelled_state(self, delivery: Delivery) -> str:
        return delivery.state

    @display(description="order")
    def of_order(self, delivery: Delivery) -> SafeString | str:
        return order_link(delivery.order_id) if delivery.order_id else "-"

    def mode(self, delivery: Delivery) -> str:
        return "live" if delivery.livemode else "test"

    @display(description="payload")
    def content(self, delivery: Delivery) -> SafeString:
        return indented_json(without_personal_data(json.loads(bytes(delivery.payload))))


def without_personal_data(value: Any, *, hide: bool = False) -> Any:
    """The same JSON with every value in or below a field of PERSONAL hidden; what is null stays null."""
    if isinstance(value, dict):
        return {key: without_personal_data(inner, hide=hide or key in PERSONAL) for key, inner in value.items()}
    if isinstance(value, list):
        return [without_personal_data(inner, hide=hide) for inner in value]
    return HIDDEN if hide and value is not None else value


def deliveries_of(order: Order) -> Iterator[timeline.Happening]:
    for delivery in Delivery.objects.filter(order_id=order.pk).order_by("received_at", "id").defer("payload"):
        reason = f" ({timeline.CODES.get(delivery.reason, delivery.reason)})" if delivery.reason else ""
        yield timeline.Happening(
            at=delivery.received_at,
            kind=delivery.type,
            sentence=f"Stripe delivered {delivery.type}: {DeliveryState(delivery.state).label}{reason}",
            actor=f"stripe:{delivery.account}",
            name=delivery.event_id,
            url=reverse("admin:webhooks_delivery_change", args=[delivery.pk]),
        )


timeline.contributors.append(deliveries_of)
