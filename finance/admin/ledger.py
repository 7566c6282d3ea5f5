"""The ledger in the admin: one line per movement of money, looked at here and written by the projection alone."""

from datetime import date
from typing import Any

from django.contrib import admin
from django.contrib.admin import SimpleListFilter
from django.contrib.admin.options import IncorrectLookupParameters
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from billing.admin import AccountFilter
from core.admin import ReadOnlyAdmin
from core.money import format_money
from core.times import local_time
from finance.models import LedgerLine
from finance.selectors.ledger import booked_currencies, lines_of_object, months_of_ledger
from orders.admin.parts import order_link
from orders.finding import BIGINT_DIGITS

LATEST_MONTHS = 36


class MonthFilter(SimpleListFilter):
    """By the month in whose books a line stands."""

    title = _("month")
    parameter_name = "month"

    def lookups(self, request: HttpRequest, model_admin: "admin.ModelAdmin[Any]") -> list[tuple[str, str]]:
        return [(f"{month:%Y-%m}", f"{month:%Y-%m}") for month in months_of_ledger()[:LATEST_MONTHS]]

    def queryset(self, request: HttpRequest, queryset: QuerySet[LedgerLine]) -> QuerySet[LedgerLine]:
        """Also of a month without lines: nothing."""
        if not self.value():
            return queryset
        try:
            return queryset.filter(month=date.fromisoformat(f"{self.value()}-01"))
        except ValueError as malformed:
            raise IncorrectLookupParameters from malformed


class CurrencyFilter(SimpleListFilter):
    """By the currencies that were booked."""

    title = _("currency")
    parameter_name = "currency"

    def lookups(self, request: HttpRequest, model_admin: "admin.ModelAdmin[Any]") -> list[tuple[str, str]]:
        return [(code, code.upper()) for code in booked_currencies()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[LedgerLine]) -> QuerySet[LedgerLine]:
        return queryset.filter(currency=self.value()) if self.value() else queryset


@admin.register(LedgerLine)
class LedgerLineAdmin(ReadOnlyAdmin):
    """Newest first; found by an order's number, or by the whole id of any object of Stripe's."""

    list_display = [
        "happened",
        "kind",
        "amount_in_words",
        "debited",
        "credited",
        "of_order",
        "object_id",
        "books",
        "account",
    ]
    list_display_links = ["happened", "kind"]
    list_filter = [MonthFilter, AccountFilter, CurrencyFilter, "movement", "is_adjustment"]
    ordering = ["-id"]
    list_per_page = 50  # of a hundred, most of the time goes into the markup
    search_fields = ["order_id__exact", "object_id__exact"]
    search_help_text = _("Order's number, pi_…, re_…, txn_…")
    fields = [
        "happened",
        "kind",
        "amount_in_words",
        "debited",
        "credited",
        "of_order",
        "object_id",
        "books",
        "account",
        "mode",
        "position",
        "number",
    ]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[LedgerLine], search_term: str
    ) -> tuple[QuerySet[LedgerLine], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        if term.isdecimal() and len(term) <= BIGINT_DIGITS:
            return queryset.filter(order_id=int(term)), False
        return queryset.filter(Q(object_id__in=lines_of_object(term))), False

    @display(description=_("happened"))
    def happened(self, line: LedgerLine) -> SafeString | str:
        return local_time(line.happened_at)

    @display(description=_("movement"))
    def kind(self, line: LedgerLine) -> str:
        return line.get_movement_display()

    @display(description=_("amount"))
    def amount_in_words(self, line: LedgerLine) -> str:
        return format_money(line.amount, line.currency)

    @display(description=_("debit"))
    def debited(self, line: LedgerLine) -> str:
        return line.get_debit_display()

    @display(description=_("credit"))
    def credited(self, line: LedgerLine) -> str:
        return line.get_credit_display()

    @display(description=_("order"))
    def of_order(self, line: LedgerLine) -> SafeString | str:
        return order_link(line.order_id) if line.order_id else "-"

    @display(description=_("books of"))
    def books(self, line: LedgerLine) -> SafeString:
        month = f"{line.month:%Y-%m}"
        said = _("{month}, adjustment").format(month=month) if line.is_adjustment else month
        return format_html('<span class="whitespace-nowrap">{}</span>', said)

    @display(description=_("mode"))
    def mode(self, line: LedgerLine) -> str:
        return str(_("live")) if line.livemode else str(_("test"))
