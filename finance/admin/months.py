"""The months of the ledger in the admin: the trial balance of each, and closing it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Any

import msgspec
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from core.admin import ReadOnlyAdmin
from core.models import Event
from core.money import format_money
from core.times import local_time
from finance.books.figures import figures_of
from finance.books.months import first_day, month_of
from finance.events import Figure
from finance.models import LedgerAccount, LedgerLine, Month
from finance.selectors.ledger import adjustments_in, months_of_ledger
from finance.services.closing import MonthNotClosable, close_month, month_named, refuse_closing
from orders.timeline import actor_in_words, staff_names


@dataclass(frozen=True, kw_only=True)
class TrialBalance:
    """The books of one balance of Stripe's; amounts formatted, '' for nothing."""

    account: str
    livemode: bool
    currency: str
    rows: list[tuple[str, str, str]]
    debit: str
    credit: str


def trial_balances(figures: Iterable[Figure]) -> list[TrialBalance]:
    balances = []
    for key, of_balance in groupby(figures, key=lambda figure: (figure.account, figure.livemode, figure.currency)):
        account, livemode, currency = key
        rows = list(of_balance)
        balances.append(
            TrialBalance(
                account=account,
                livemode=livemode,
                currency=currency,
                rows=[
                    (
                        str(LedgerAccount(row.ledger_account).label),
                        format_money(row.debit, currency) if row.debit else "",
                        format_money(row.credit, currency) if row.credit else "",
                    )
                    for row in rows
                ],
                debit=format_money(sum(row.debit for row in rows), currency),
                credit=format_money(sum(row.credit for row in rows), currency),
            )
        )
    return balances


def may_close(request: HttpRequest) -> bool:
    return request.user.has_perm("finance.close_month")


def address_of(month: date) -> str:
    return f"{reverse('admin:finance_month_changelist')}?{urlencode({'month': f'{month:%Y-%m}'})}"


def why_open(month: date) -> str:
    """In a sentence why it can't be closed now; '' when it can."""
    try:
        refuse_closing(f"{month:%Y-%m}", month)
    except MonthNotClosable as refusal:
        return str(refusal)
    return ""


@admin.register(Month)
class MonthAdmin(ReadOnlyAdmin):
    """One month to a page, the latest first."""

    def get_urls(self) -> list[URLPattern]:
        closing = self.admin_site.admin_view(self.close_view)
        return [path("<str:month>/close/", closing, name="finance_month_close"), *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        closed = {month.first_day: month for month in Month.objects.filter(after__isnull=False)}
        months = sorted({*months_of_ledger(), *closed}, reverse=True)
        shown = shown_month(request, months)
        month = closed.get(shown)
        years = sorted({one.year for one in months}, reverse=True)
        context = {
            "month": shown,
            "name": f"{shown:%Y-%m}",
            "closed": month,
            "closed_by": closer_of(month) if month else "",
            "closed_at": local_time(month.closed_at) if month else "",
            "is_covered": month is None and any(shown < one for one in closed),
            "balances": trial_balances(
                msgspec.convert(month.figures, tuple[Figure, ...]) if month else figures_of(shown)
            ),
            "adjustments": adjustments_in(shown),
            "adjustments_address": ledger_address(shown, is_adjustment__exact=1),
            "lines_address": ledger_address(shown),
            "months": [(one, address_of(one), one in closed, one == shown) for one in months if one.year == shown.year],
            "years": [(year, address_of(max(one for one in months if one.year == year))) for year in years],
            "why_open": why_open(shown),
            "may_close": may_close(request),
        }
        return self.page(request, "month", _("Months"), context)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        try:
            return redirect(address_of(first_day(object_id)))
        except ValueError:
            raise Http404 from None

    def close_view(self, request: HttpRequest, month: str) -> HttpResponse:
        if not may_close(request):
            raise PermissionDenied
        try:
            first = month_named(month)
            if request.method == "POST":
                close_month(month=month)
                messages.success(request, _("The books of {month} are closed.").format(month=in_words(first)))
                return redirect(address_of(first))
            refuse_closing(month, first)
        except MonthNotClosable as refusal:
            messages.error(request, str(refusal))
            return redirect("admin:finance_month_changelist" if refusal.reason == "no_month" else address_of(first))
        context = {"month": first, "lines": LedgerLine.objects.filter(month=first).count(), "back": address_of(first)}
        return self.page(request, "close", _("Close {month}").format(month=in_words(first)), context)

    def page(self, request: HttpRequest, name: str, title: str, context: dict[str, Any]) -> HttpResponse:
        context |= self.admin_site.each_context(request) | {"title": title, "opts": self.opts}
        return TemplateResponse(request, f"admin/finance/month/{name}.html", context)


def shown_month(request: HttpRequest, months: list[date]) -> date:
    """The one that is asked for, else the latest with lines, else this one."""
    try:
        return first_day(request.GET.get("month", ""))
    except ValueError:
        return months[0] if months else month_of(timezone.now())


def closer_of(month: Month) -> str:
    actor = Event.objects.filter(stream=month.stream, kind="month.closed").values_list("actor", flat=True).get()
    return actor_in_words(actor, staff_names([actor]))


def ledger_address(month: date, **filters: int) -> str:
    chosen: dict[str, str | int] = {"month": f"{month:%Y-%m}", **filters}
    return f"{reverse('admin:finance_ledgerline_changelist')}?{urlencode(chosen)}"


def in_words(month: date) -> str:
    return date_format(month, "F Y")
