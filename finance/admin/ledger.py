"""The ledger in the admin: one line for each movement of money."""

from typing import Any

from django.contrib import admin
from django.contrib.admin import SimpleListFilter
from django.db.models import Max, Min, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from billing.admin import AccountFilter
from core.admin import ReadOnlyAdmin, utc
from core.money import format_money, is_supported
from finance.models import DaySummary, LedgerLine
from orders.admin.parts import order_link


class LedgerCurrencyFilter(SimpleListFilter):
    """By currency. The choices are those of the summaries, and whichever is chosen: an account may settle in another
    than its orders have, and finding those in a long table reads all of it.
    """

    title = _("currency")
    parameter_name = "currency"

    def lookups(self, request: HttpRequest, model_admin: "admin.ModelAdmin[Any]") -> list[tuple[str, str]]:
        codes = set(DaySummary.objects.values_list("currency", flat=True).distinct())
        codes |= {code for code in [request.GET.get(self.parameter_name, "")] if is_supported(code)}
        return [(code, code.upper()) for code in sorted(codes)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[LedgerLine]) -> QuerySet[LedgerLine]:
        return queryset.filter(currency=self.value()) if self.value() else queryset


class MonthFilter(SimpleListFilter):
    """By the month in whose books a line stands, from the first one to the last."""

    title = _("month")
    parameter_name = "month"

    def lookups(self, request: HttpRequest, model_admin: "admin.ModelAdmin[Any]") -> list[tuple[str, str]]:
        ends = LedgerLine.objects.aggregate(first=Min("month"), last=Max("month"))
        if not ends["first"]:
            return []
        first, last = (month.year * 12 + month.month - 1 for month in ends.values())
        months = [f"{number // 12}-{number % 12 + 1:02}" for number in range(last, first - 1, -1)]
        return [(month, month) for month in months]

    def queryset(self, request: HttpRequest, queryset: QuerySet[LedgerLine]) -> QuerySet[LedgerLine]:
        chosen = {month for month, _words in self.lookup_choices} & {self.value()}
        return queryset.filter(month=f"{chosen.pop()}-01") if chosen else queryset


@admin.register(LedgerLine)
class LedgerLineAdmin(ReadOnlyAdmin):
    """Newest first."""

    list_display = [
        "id",
        "happened",
        "movement",
        "of_order",
        "debit",
        "credit",
        "money",
        "account",
        "mode",
        "object_id",
    ]
    list_filter = [MonthFilter, "movement", LedgerCurrencyFilter, AccountFilter, "is_adjustment"]
    ordering = ["-id"]
    search_fields = ["order_id__exact", "object_id__exact"]
    search_help_text = _("Order's number, or Stripe's id: pi_…, re_…, du_…")
    fields = [
        "happened",
        "month",
        "is_adjustment",
        "movement",
        "of_order",
        "debit",
        "credit",
        "money",
        "account",
        "mode",
        "object_id",
        "position",
    ]

    @display(description=_("happened (UTC)"))
    def happened(self, line: LedgerLine) -> SafeString | str:
        return utc(line.happened_at)

    @display(description=_("order"))
    def of_order(self, line: LedgerLine) -> SafeString | str:
        return order_link(line.order_id) if line.order_id else "-"

    @display(description=_("amount"))
    def money(self, line: LedgerLine) -> str:
        return format_money(line.amount, line.currency)

    @display(description=_("mode"))
    def mode(self, line: LedgerLine) -> str:
        return str(_("live") if line.livemode else _("test"))
