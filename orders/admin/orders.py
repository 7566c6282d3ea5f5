"""Orders in the admin: looked at here, and changed by services alone."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin import SimpleListFilter
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from unfold.decorators import display

from billing.admin import AccountFilter
from core.admin import utc
from core.bulk_admin import BulkActionsAdmin
from core.money import format_money
from core.refusals import NotFound
from orders.admin.actions import ActionView, cancel_view, guarded, looked_at_view
from orders.admin.notes import erase_note_view, note_view
from orders.admin.page import STATE_COLORS, moment_in, page_of, page_of_past
from orders.admin.refunding import approve_view, decline_view, refund_view, return_surplus_view
from orders.history import Past, order_as_of
from orders.models import Attention, Checkout, Item, Order, Payment
from orders.projections import OrderAggregate
from orders.timeline import attention_in_words

ACTIONS: dict[str, tuple[str, ActionView]] = {
    "cancel": ("cancel/", cancel_view),
    "refund": ("refund/", refund_view),
    "return_surplus": ("return_surplus/", return_surplus_view),
    "approve": ("approve/<uuid:approval>/", approve_view),
    "decline": ("decline/<uuid:approval>/", decline_view),
    "looked_at": ("looked_at/", looked_at_view),
    "note": ("note/", note_view),
    "erase_note": ("note/<uuid:note>/erase/", erase_note_view),
}


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
class OrderAdmin(BulkActionsAdmin):
    """Finance's view of orders, newest first; an order's page ends with its timeline."""

    bulk_actions = ("orders.cancel",)
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

    def get_urls(self) -> list[URLPattern]:
        """The addresses of the actions are below an order's."""
        site = self.admin_site
        own = [
            path(f"<int:order_id>/{address}", site.admin_view(guarded(self, view)), name=f"orders_order_{name}")
            for name, (address, view) in ACTIONS.items()
        ]
        return [*own, *super().get_urls()]

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """The page has a template of its own, since an order has no form. With `?at=` it is of the past."""
        order: Order = context["original"]
        past = self.asked_past(request, order)
        of_page = page_of_past(past) if past else page_of(request, OrderAggregate(order, stored=True))
        return super().render_change_form(request, context | of_page, *args, **kwargs)

    def asked_past(self, request: HttpRequest, order: Order) -> Past | None:
        text = request.GET.get("at", "")
        if not text:
            return None
        at = moment_in(text)
        if at is None:
            messages.error(request, _("Write the moment as 2026-11-24T10:00, in UTC."))
            return None
        try:
            return order_as_of(order.pk, at)
        except NotFound:
            messages.info(request, _("There was no such order yet. This is how it is now."))
            return None
