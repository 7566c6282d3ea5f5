"""Orders in the admin: looked at here, and changed by services alone."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse

from core.admin import utc
from core.money import format_money
from orders.admin.actions import OrderActions, attention_of, may_change, offers, why_no_refund
from orders.admin.order_list import DISPUTE_COLORS, STATE_COLORS, OrderList
from orders.models import Order
from orders.quote import quote_of
from orders.representations import money_table
from orders.services.refunding import returnable
from orders.timeline import dispute_in_words, standing, timeline

# What came in and went out, beside the parts of the price.
MONEY = ["received", "refunded", "surplus"]
MOMENTS = ["drafted", "placed", "paid", "canceled"]


@admin.register(Order)
class OrderAdmin(OrderList, OrderActions):
    """Finance's view of orders; an order's page ends with its timeline."""

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """The page has a template of its own, since an order has no form."""
        order: Order = context["original"]
        offer = returnable(order)
        context |= {
            "order": order,
            "state_color": STATE_COLORS.get(order.state),
            "dispute_color": DISPUTE_COLORS.get(order.dispute_state),
            "standing": standing(order),
            "attention": attention_of(order),
            "may_change": may_change(request),
            "offers": offers(request, order, offer),
            "why_no_refund": why_no_refund(request, offer),
            "amounts": [
                *money_table(order),
                *((name.capitalize(), format_money(getattr(order, name), order.currency)) for name in MONEY),
            ],
            "moments": [(name, utc(getattr(order, f"{name}_at"))) for name in MOMENTS],
            "lines": quote_of(order).lines,
            "checkouts": order.checkouts.order_by("attempt"),
            "payments": order.payments.order_by("updated_at"),
            "refunds": order.refunds.order_by("updated_at"),
            "disputes": [(dispute, dispute_in_words(dispute)) for dispute in order.disputes.order_by("updated_at")],
            "reviews": order.reviews.order_by("updated_at"),
            "timeline": timeline(order),
        }
        return super().render_change_form(request, context, *args, **kwargs)
