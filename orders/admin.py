"""Items and orders in the admin. Items are edited here; orders are looked at, and change by services alone."""

from decimal import Decimal
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.contrib.admin import SimpleListFilter
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextInputWidget

from billing.admin import AccountFilter
from core.admin import ReadOnlyAdmin, text_link, utc
from core.money import WHOLE_ONLY, exponent, format_money, major_units
from core.refusals import Refusal
from orders.models import (
    Attention,
    Checkout,
    CheckoutState,
    Item,
    Order,
    OrderLine,
    OrderState,
    Payment,
    PaymentStatus,
)
from orders.selectors import is_final
from orders.services.canceling import cancel_order
from orders.timeline import timeline

STATE_COLORS: dict[str, str] = {
    OrderState.PENDING: "info",
    OrderState.PAID: "success",
    OrderState.CANCELED: "danger",
}
CHECKOUT_COLORS: dict[str, str] = {
    CheckoutState.OPEN: "info",
    CheckoutState.COMPLETED: "success",
    CheckoutState.EXPIRED: "warning",
    CheckoutState.CANCELED: "danger",
}
PAYMENT_COLORS: dict[str, str] = {PaymentStatus.PROCESSING: "info", PaymentStatus.SUCCEEDED: "success"}
AMOUNTS = ["subtotal", "discount", "tax", "total", "received", "refunded", "surplus"]
MOMENTS = ["drafted", "placed", "paid", "canceled"]


class ItemForm(forms.ModelForm):  # type: ignore[type-arg] # generic in the stubs alone
    """The price as people write it, 18.50; the model keeps it in minor units."""

    price = forms.DecimalField(
        min_value=Decimal("0.01"),
        max_digits=12,
        widget=UnfoldAdminTextInputWidget(attrs={"inputmode": "decimal"}),
        help_text="As people write it: 18.50 in usd, 1850 in jpy.",
    )

    class Meta:
        model = Item
        fields: ClassVar = ["name", "description", "currency", "price"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.initial["price"] = major_units(self.instance.price, self.instance.currency)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if "price" not in cleaned or "currency" not in cleaned:
            return cleaned
        price, currency = cleaned["price"], cleaned["currency"]
        decimals = priced_decimals(currency)
        if price == round(price, decimals):
            cleaned["price"] = int(price.scaleb(exponent(currency)))
        else:
            allowed = f"at most {decimals} decimals" if decimals else "no decimals"
            self.add_error("price", f"A price in {currency} has {allowed}.")
        return cleaned


def priced_decimals(currency: str) -> int:
    """How many decimals Stripe charges; the third one of a three-decimal currency must be 0.

    Source: docs.stripe.com/currencies#three-decimal and #special-cases.
    """
    return 0 if currency in WHOLE_ONLY else min(exponent(currency), 2)


@admin.register(Item)
class ItemAdmin(ModelAdmin):
    """The catalogue. What was ordered keeps the name and the price that it was ordered at."""

    form = ItemForm
    list_display = ["name", "price_in_words", "currency"]
    list_filter = ["currency"]
    search_fields = ["name"]

    @display(description="price", ordering="price")
    def price_in_words(self, item: Item) -> str:
        return item.price_text


class CurrencyFilter(SimpleListFilter):
    """By currency. The choices are those of the catalogue: finding those in a long table reads all of it."""

    title = "currency"
    parameter_name = "currency"

    def lookups(self, request: HttpRequest, model_admin: "admin.ModelAdmin[Any]") -> list[tuple[str, str]]:
        codes = Item.objects.order_by("currency").values_list("currency", flat=True).distinct()
        return [(code, code.upper()) for code in codes]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Order]) -> QuerySet[Order]:
        return queryset.filter(currency=self.value()) if self.value() else queryset


@admin.register(Order)
class OrderAdmin(ReadOnlyAdmin):
    """Finance's view of orders, newest first; an order's page ends with its timeline."""

    # Finance asks how many; these are fewer than the rows of any other log here.
    paginator = Paginator
    show_full_result_count = True
    list_display = ["number", "labelled_state", "amount", "currency_code", "attention_in_words", "account", "placed"]
    list_filter = ["state", CurrencyFilter, AccountFilter]
    ordering = ["-id"]
    search_fields = ["id"]
    search_help_text = "Order's number, cs_… or pi_…"

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.cancel_view)
        return [path("<int:order_id>/cancel/", view, name="orders_order_cancel"), *super().get_urls()]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Order], search_term: str
    ) -> tuple[QuerySet[Order], bool]:
        """By whole ids, and without the joins of `search_fields`, which multiply rows."""
        term = search_term.strip()
        if not term:
            return queryset, False
        found = Q(pk__in=Checkout.objects.filter(session_id=term).values("order_id"))
        found |= Q(pk__in=Payment.objects.filter(payment_intent=term).values("order_id"))
        if term.isdecimal():
            found |= Q(pk=int(term))
        return queryset.filter(found), False

    @display(description="order")
    def number(self, order: Order) -> SafeString:
        return format_html('<span class="whitespace-nowrap">{}</span>', order)

    @display(description="state", label=STATE_COLORS)
    def labelled_state(self, order: Order) -> str:
        return str(order.state)

    @display(description="total")
    def amount(self, order: Order) -> str:
        return format_money(order.total, order.currency)

    @display(description="currency")
    def currency_code(self, order: Order) -> str:
        return order.currency.upper()

    @display(description="attention")
    def attention_in_words(self, order: Order) -> str:
        return "; ".join(attention_of(order)) or "-"

    @display(description="placed (UTC)")
    def placed(self, order: Order) -> SafeString | str:
        return utc(order.placed_at)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """The page has a template of its own, since an order has no form."""
        order: Order = context["original"]
        context |= {
            "order": order,
            "state_color": STATE_COLORS.get(order.state),
            "attention": attention_of(order),
            "amounts": [(name, format_money(getattr(order, name), order.currency)) for name in AMOUNTS],
            "moments": [(name, utc(getattr(order, f"{name}_at"))) for name in MOMENTS],
            "lines": order.lines.order_by("item_id"),
            "checkouts": order.checkouts.order_by("attempt"),
            "payments": order.payments.order_by("updated_at"),
            "timeline": timeline(order),
            "can_cancel": may_cancel(request) and not is_final(order),
        }
        return super().render_change_form(request, context, *args, **kwargs)

    def cancel_view(self, request: HttpRequest, order_id: int) -> HttpResponse:
        """Ask, then cancel by the service; a refusal is shown on the order's page."""
        if not may_cancel(request):
            raise PermissionDenied
        order = get_object_or_404(Order, pk=order_id)
        if request.method == "POST":
            try:
                cancel_order(order_id=order_id, reason="staff")
                messages.success(request, f"{order} is canceled.")
            except Refusal as refusal:
                messages.error(request, str(refusal))
            return redirect("admin:orders_order_change", order_id)
        context = self.admin_site.each_context(request) | {
            "title": f"Cancel order {order_id}",
            "opts": self.opts,
            "original": order,
            "has_open_checkout": order.checkouts.filter(state=CheckoutState.OPEN).exists(),
        }
        return TemplateResponse(request, "admin/orders/order/cancel.html", context)


def may_cancel(request: HttpRequest) -> bool:
    """Whoever could change orders, were they edited."""
    return request.user.has_perm("orders.change_order")


def attention_of(order: Order) -> list[str]:
    words = {str(reason): str(label) for reason, label in Attention.choices}
    return [words.get(reason, reason) for reason in order.attention]


def order_link(order_id: int) -> SafeString:
    return text_link(reverse("admin:orders_order_change", args=[order_id]), f"Order {order_id}")


class OrderPartAdmin(ReadOnlyAdmin):
    """A row below an order: newest orders first."""

    ordering = ["-order_id", "id"]
    list_select_related = ["order"]
    search_fields = ["order_id__exact", "id__exact"]
    search_help_text = "Order's number, or the row's id"

    @display(description="order")
    def of_order(self, row: OrderLine | Checkout | Payment) -> SafeString:
        return order_link(row.order_id)


@admin.register(OrderLine)
class OrderLineAdmin(OrderPartAdmin):
    """What was ordered, at the price of that moment."""

    list_display = ["id", "of_order", "name", "quantity", "each", "discounted", "taxed", "amount"]
    fields = ["id", "of_order", "item", "name", "quantity", "each", "discounted", "taxed", "amount"]

    def each(self, line: OrderLine) -> str:
        return format_money(line.unit_amount, line.order.currency)

    @display(description="discount")
    def discounted(self, line: OrderLine) -> str:
        return format_money(line.discount, line.order.currency)

    @display(description="tax")
    def taxed(self, line: OrderLine) -> str:
        return format_money(line.tax, line.order.currency)

    @display(description="total")
    def amount(self, line: OrderLine) -> str:
        return format_money(line.total, line.order.currency)


@admin.register(Checkout)
class CheckoutAdmin(OrderPartAdmin):
    """Attempts to let a shopper pay."""

    list_display = ["id", "of_order", "attempt", "labelled_state", "opened", "closed", "session_id"]
    list_filter = ["state"]
    search_fields = ["order_id__exact", "id__exact", "session_id__exact"]
    fields = ["id", "of_order", "attempt", "labelled_state", "opened", "expires", "closed", "session_id", "call"]

    @display(description="state", label=CHECKOUT_COLORS)
    def labelled_state(self, checkout: Checkout) -> str:
        return checkout.state

    @display(description="Stripe call")
    def call(self, checkout: Checkout) -> SafeString | str:
        if not checkout.call_id:
            return "-"
        return text_link(reverse("admin:billing_stripecall_change", args=[checkout.call_id]), checkout.call_id)

    @display(description="opened (UTC)")
    def opened(self, checkout: Checkout) -> SafeString | str:
        return utc(checkout.opened_at)

    @display(description="expires (UTC)")
    def expires(self, checkout: Checkout) -> SafeString | str:
        return utc(checkout.expires_at)

    @display(description="closed (UTC)")
    def closed(self, checkout: Checkout) -> SafeString | str:
        return utc(checkout.closed_at)


@admin.register(Payment)
class PaymentAdmin(OrderPartAdmin):
    """What Stripe's objects say of each payment."""

    list_display = ["source_id", "of_order", "payment_intent", "labelled_status", "money", "account", "updated"]
    list_filter = ["status", AccountFilter]
    fields = [
        "source",
        "source_id",
        "of_order",
        "payment_intent",
        "charge",
        "labelled_status",
        "money",
        "account",
        "mode",
        "updated",
    ]

    @display(description="status", label=PAYMENT_COLORS)
    def labelled_status(self, payment: Payment) -> str:
        return payment.status

    @display(description="amount")
    def money(self, payment: Payment) -> str:
        return format_money(payment.amount, payment.currency)

    def mode(self, payment: Payment) -> str:
        return "live" if payment.livemode else "test"

    @display(description="updated (UTC)")
    def updated(self, payment: Payment) -> SafeString | str:
        return utc(payment.updated_at)
