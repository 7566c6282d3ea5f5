"""Orders in the admin: looked at here, and changed by services alone."""

from typing import Any

from django.contrib import admin
from django.contrib.admin import SimpleListFilter
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display

from billing.admin import AccountFilter
from core.admin import utc
from core.money import format_money
from orders.admin.actions import OrderActions, attention_of, may_change, offers, why_no_refund
from orders.models import Attention, Checkout, DisputeState, Item, Order, OrderState, Payment
from orders.projections import OrderAggregate
from orders.quote import quote_of
from orders.representations import money_table
from orders.services.refunding import returnable
from orders.timeline import attention_in_words, dispute_in_words, standing, timeline

STATE_COLORS: dict[str, str] = {
    OrderState.PENDING: "info",
    OrderState.PAID: "success",
    OrderState.PARTIALLY_REFUNDED: "warning",
    OrderState.REFUNDED: "primary",
    OrderState.CANCELED: "danger",
}
DISPUTE_COLORS: dict[str, str] = {
    DisputeState.OPEN: "warning",
    DisputeState.WON: "success",
    DisputeState.LOST: "danger",
}
# What came in and went out, beside the parts of the price.
MONEY = ["received", "refunded", "surplus"]
MOMENTS = ["drafted", "placed", "paid", "canceled"]


class CurrencyFilter(SimpleListFilter):
    """By currency. The choices are those of the catalogue: finding those in a long table reads all of it."""

    title = "currency"
    parameter_name = "currency"

    def lookups(self, request: HttpRequest, model_admin: "admin.ModelAdmin[Any]") -> list[tuple[str, str]]:
        codes = Item.objects.order_by("currency").values_list("currency", flat=True).distinct()
        return [(code, code.upper()) for code in codes]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Order]) -> QuerySet[Order]:
        return queryset.filter(currency=self.value()) if self.value() else queryset


class AttentionFilter(SimpleListFilter):
    """By a reason why a person should look, or by any."""

    title = "attention"
    parameter_name = "attention"

    def lookups(self, request: HttpRequest, model_admin: "admin.ModelAdmin[Any]") -> list[tuple[str, str]]:
        return [("any", "any reason"), *((reason.value, str(reason.label)) for reason in Attention)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Order]) -> QuerySet[Order]:
        if self.value() is None:
            return queryset
        if self.value() == "any":
            return queryset.exclude(attention=[])
        return queryset.filter(attention__contains=[self.value()])


@admin.register(Order)
class OrderAdmin(OrderActions):
    """Finance's view of orders, newest first; an order's page ends with its timeline."""

    # Finance asks how many; these are fewer than the rows of any other log here.
    paginator = Paginator
    show_full_result_count = True
    list_display = ["number", "labelled_state", "amount", "currency_code", "reasons_to_look", "account", "placed"]
    list_filter = ["state", "dispute_state", AttentionFilter, CurrencyFilter, AccountFilter]
    ordering = ["-id"]
    search_fields = ["id"]
    search_help_text = "Order's number, cs_… or pi_…"

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Order], search_term: str
    ) -> tuple[QuerySet[Order], bool]:
        """By whole ids, and without the joins of `search_fields`, which multiply rows."""
        term = search_term.strip()
        if not term:
            return queryset, False
        opened = Checkout.objects.filter(Q(session_id=term) | Q(payment_intent=term))
        found = Q(pk__in=opened.values("order_id"))
        found |= Q(pk__in=Payment.objects.filter(payment_intent=term).values("order_id"))
        if term.isdecimal() and len(term) <= 18:  # noqa: PLR2004 digits of a bigint
            found |= Q(pk=int(term))
        return queryset.filter(found), False

    @display(description="order")
    def number(self, order: Order) -> SafeString:
        return format_html('<span class="whitespace-nowrap">{}</span>', order)

    @display(description="state", label=STATE_COLORS)
    def labelled_state(self, order: Order) -> tuple[str, str]:
        return order.state, order.get_state_display()

    @display(description="total")
    def amount(self, order: Order) -> str:
        return format_money(order.total, order.currency)

    @display(description="currency")
    def currency_code(self, order: Order) -> str:
        return order.currency.upper()

    @display(description="attention")
    def reasons_to_look(self, order: Order) -> SafeString:
        reasons = "; ".join(attention_in_words(order))
        # Of a table that is wider than a phone, this column alone would be pressed to a word per line.
        return format_html(
            '<span class="block" style="min-width: {}">{}</span>', "16rem" if reasons else 0, reasons or "-"
        )

    @display(description="placed (UTC)")
    def placed(self, order: Order) -> SafeString | str:
        return utc(order.placed_at)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """The page has a template of its own, since an order has no form."""
        order: Order = context["original"]
        offer = returnable(OrderAggregate(order, stored=True))
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
