"""Stripe's own books in the admin, to look at: balance transactions and payouts."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from billing.admin import AccountFilter
from core.admin import ReadOnlyAdmin, stream_link
from core.times import local_time
from finance.admin.shown import amount, payout_link, stripe_link
from finance.models import BalanceTransaction, Payout, ReconciliationException
from finance.selectors.reconciliation import shown_payouts

PAYOUT_COLORS = {"pending": "info", "in_transit": "info", "paid": "success", "failed": "danger", "canceled": "warning"}
LINES_SHOWN = 100


@admin.register(BalanceTransaction)
class BalanceTransactionAdmin(ReadOnlyAdmin):
    """Every line of Stripe's books, newest first."""

    list_display = ["created", "category", "shown_amount", "shown_fee", "shown_net", "source", "account", "id"]
    list_display_links = ["created", "id"]
    list_filter = [AccountFilter]
    ordering = ["-created_at", "-pk"]
    search_fields = ["id__exact", "source__exact", "payout__exact"]
    search_help_text = _("Whole ids: txn_…, or of what moved the money (ch_…, re_…, du_…), or of its payout (po_…)")
    fields = [
        "at_stripe", "type", "category", "shown_amount", "shown_fee", "itemized", "shown_net", "exchange_rate",
        "moved_by", "taken_by", "account", "livemode", "created", "available", "is_listed", "events",
    ]  # fmt: skip

    @display(description=_("at Stripe"))
    def at_stripe(self, line: BalanceTransaction) -> SafeString | str:
        return stripe_link(line.account, line.livemode, line.pk)

    @display(description=_("amount"))
    def shown_amount(self, line: BalanceTransaction) -> SafeString | str:
        return amount(line.amount, line.currency)

    @display(description=_("fee"))
    def shown_fee(self, line: BalanceTransaction) -> SafeString | str:
        return amount(line.fee, line.currency)

    @display(description=_("parts of the fee"))
    def itemized(self, line: BalanceTransaction) -> SafeString | str:
        return amount(line.itemized_fee, line.currency)

    @display(description=_("net"))
    def shown_net(self, line: BalanceTransaction) -> SafeString | str:
        return amount(line.net, line.currency)

    @display(description=_("moved by"))
    def moved_by(self, line: BalanceTransaction) -> SafeString | str:
        return stripe_link(line.account, line.livemode, line.source)

    @display(description=_("paid out by"))
    def taken_by(self, line: BalanceTransaction) -> SafeString | str:
        return payout_link(line.payout)

    @display(description=_("created"))
    def created(self, line: BalanceTransaction) -> SafeString | str:
        return local_time(line.created_at)

    @display(description=_("available"))
    def available(self, line: BalanceTransaction) -> SafeString | str:
        return local_time(line.available_at)

    @display(description=_("events"))
    def events(self, line: BalanceTransaction) -> SafeString:
        return stream_link(line.stream)


@admin.register(Payout)
class PayoutAdmin(ReadOnlyAdmin):
    """Payouts, newest first; a page of each says what it was made of."""

    change_form_template = "admin/finance/payout/change_form.html"
    list_display = ["created", "labelled_status", "shown_amount", "sort", "arrives", "account", "id"]
    list_display_links = ["created", "id"]
    list_filter = [AccountFilter]
    ordering = ["-created_at", "-pk"]
    search_fields = ["id__exact"]
    search_help_text = _("Whole id: po_…")

    @display(description=_("status"), label=PAYOUT_COLORS)
    def labelled_status(self, payout: Payout) -> str:
        return payout.status

    @display(description=_("amount"))
    def shown_amount(self, payout: Payout) -> SafeString | str:
        return amount(payout.amount, payout.currency)

    @display(description=_("sort"))
    def sort(self, payout: Payout) -> str:
        return str(_("automatic")) if payout.is_automatic else str(_("manual"))

    @display(description=_("created"))
    def created(self, payout: Payout) -> SafeString | str:
        return local_time(payout.created_at)

    @display(description=_("arrives"))
    def arrives(self, payout: Payout) -> SafeString | str:
        return local_time(payout.arrives_at)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        payout: Payout = context["original"]
        [shown] = shown_payouts([payout])
        lines = BalanceTransaction.objects.filter(payout=payout.pk).exclude(source=payout.pk).order_by("pk")
        context |= {
            "payout": payout,
            "shown": shown,
            "color": PAYOUT_COLORS.get(payout.status),
            "at_stripe": stripe_link(payout.account, payout.livemode, payout.pk),
            "created": local_time(payout.created_at),
            "arrives": local_time(payout.arrives_at),
            "lines": lines[:LINES_SHOWN],
            "all_lines": f"{reverse('admin:finance_balancetransaction_changelist')}?{urlencode({'q': payout.pk})}",
            "exceptions": ReconciliationException.objects.filter(payout=payout.pk).order_by("-found_at"),
            "events": stream_link(payout.stream),
        }
        return super().render_change_form(request, context, *args, **kwargs)
