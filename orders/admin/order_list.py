"""The list of orders: columns, filters and search, each of them quick at a million rows.

What makes them so: docs/decisions/0014-lists-at-a-million-rows.md.
"""

from django.db.models import QuerySet
from django.db.models.expressions import Combinable
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display

from core.admin import ReadOnlyAdmin
from core.money import format_money
from core.times import local_time
from orders.admin.filters import (
    AmountFilter,
    AttentionFilter,
    CurrencyFilter,
    ItemFilter,
    OrderAccountFilter,
    PeriodFilter,
    PlacedFilter,
)
from orders.finding import orders_found_by
from orders.models import DisputeState, Order, OrderState
from orders.timeline import attention_in_words

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


class OrderList(ReadOnlyAdmin):
    """The filters are fields of one form: what is chosen in one stays when another is applied."""

    list_fullwidth = True
    list_filter_submit = True
    list_filter_sheet = True
    list_display = [
        "number",
        "labelled_state",
        "labelled_dispute",
        "amount",
        "money_in",
        "currency_code",
        "reasons_to_look",
        "account",
        "placed",
        "paid",
    ]
    list_filter = [
        ("state", ChoicesDropdownFilter),
        ("dispute_state", ChoicesDropdownFilter),
        AttentionFilter,
        CurrencyFilter,
        AmountFilter,
        OrderAccountFilter,
        PeriodFilter,
        PlacedFilter,
        ItemFilter,
    ]
    search_fields = ["id"]
    search_help_text = gettext_lazy("Number, Stripe id, call, item")

    def get_ordering(self, request: HttpRequest) -> list[str | Combinable]:
        """Newest first: within a period by the time of placing, so that it is entered at its end."""
        is_of_period = any(request.GET.get(name) for name in ("placed", "placed_from", "placed_to"))
        return ["-placed_at", "-id"] if is_of_period else ["-id"]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Order], search_term: str
    ) -> tuple[QuerySet[Order], bool]:
        """By whole ids, and without the joins of `search_fields`, which multiply rows."""
        term = search_term.strip()
        return (queryset.filter(orders_found_by(term)) if term else queryset), False

    @display(description=gettext_lazy("order"))
    def number(self, order: Order) -> SafeString:
        return format_html('<span class="whitespace-nowrap">{}</span>', order)

    @display(description=gettext_lazy("state"), label=STATE_COLORS)
    def labelled_state(self, order: Order) -> tuple[str, str]:
        return order.state, order.get_state_display()

    @display(description=gettext_lazy("dispute"), label=DISPUTE_COLORS)
    def labelled_dispute(self, order: Order) -> tuple[str, str] | None:
        return (
            None
            if order.dispute_state == DisputeState.NONE
            else (order.dispute_state, order.get_dispute_state_display())
        )

    @display(description=gettext_lazy("total"))
    def amount(self, order: Order) -> SafeString:
        return in_one_line(format_money(order.total, order.currency))

    @display(description=gettext_lazy("received"))
    def money_in(self, order: Order) -> SafeString:
        received = in_one_line(format_money(order.received, order.currency))
        if not order.refunded:
            return received
        refunded = _("%(amount)s refunded") % {"amount": format_money(order.refunded, order.currency)}
        return format_html('{}<br><span class="text-xs whitespace-nowrap">{}</span>', received, refunded)

    @display(description=gettext_lazy("currency"))
    def currency_code(self, order: Order) -> str:
        return order.currency.upper()

    @display(description=gettext_lazy("attention"))
    def reasons_to_look(self, order: Order) -> SafeString:
        reasons = "; ".join(attention_in_words(order))
        # Of a table that is wider than a phone, this column alone would be pressed to a word per line.
        return format_html(
            '<span class="block" style="min-width: {}">{}</span>', "16rem" if reasons else 0, reasons or "-"
        )

    @display(description=gettext_lazy("placed"))
    def placed(self, order: Order) -> SafeString | str:
        return local_time(order.placed_at)

    @display(description=gettext_lazy("paid"))
    def paid(self, order: Order) -> SafeString | str:
        return local_time(order.paid_at)


def in_one_line(text: str) -> SafeString:
    return format_html('<span class="whitespace-nowrap">{}</span>', text)
