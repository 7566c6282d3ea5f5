"""Reconciliations in the admin: what agrees with Stripe's books, and what does not."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin import SimpleListFilter
from django.contrib.admin.utils import quote
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from billing.accounts import configured_accounts
from billing.dashboard import dashboard_url, stripe_ids
from core.admin import ReadOnlyAdmin, stream_link, text_link
from core.staff.roles import ACT_ON_ORDER
from core.times import local_time
from finance.admin.shown import amount, payout_link, stripe_link
from finance.models import BooksCursor, ExceptionKind, Reconciliation, ReconciliationException
from finance.selectors.reconciliation import (
    exceptions_by_month,
    exceptions_of_month,
    in_force,
    is_in_force,
    payouts_of,
    shown_payouts,
    standing_exceptions,
    sums_by_month,
)
from finance.services.reconciling import queue_reconciliations

SHOWN_AT_ONCE = 50
PAYOUTS_SHOWN = 12
KIND_COLORS: dict[str, str] = {
    ExceptionKind.OURS_WITHOUT_THEIRS: "danger",
    ExceptionKind.THEIRS_WITHOUT_OURS: "warning",
    ExceptionKind.AMOUNT_DIFFERS: "danger",
    ExceptionKind.FEE_DIFFERS: "info",
    ExceptionKind.PAYOUT_DIFFERS: "danger",
}


def may_reconcile(request: HttpRequest) -> bool:
    return request.user.has_perm(ACT_ON_ORDER)


def described(exceptions: QuerySet[ReconciliationException]) -> list[dict[str, Any]]:
    """As the tables of the templates show them."""
    known = stripe_ids()
    return [
        {
            "row": one,
            "color": KIND_COLORS[one.kind],
            "url": reverse("admin:finance_reconciliationexception_change", args=[quote(one.pk)]),
            "at_stripe": dashboard_url(one.reconciliation_id, one.livemode, one.object_id, known=known),
            "ours": amount(one.our_amount, one.our_currency),
            "theirs": amount(one.their_amount, one.their_currency),
            "found": local_time(one.found_at),
            "settled": local_time(one.settled_at),
        }
        for one in exceptions[:SHOWN_AT_ONCE]
    ]


@admin.register(Reconciliation)
class ReconciliationAdmin(ReadOnlyAdmin):
    """One row for each account, with a page of its exceptions, months and payouts."""

    change_form_template = "admin/finance/reconciliation/change_form.html"
    change_list_template = "admin/finance/reconciliation/change_list.html"
    list_display = ["account", "standing", "matched", "ran", "read_until"]
    ordering = ["account"]

    @display(description=_("standing"), label={"agrees": "success", "differs": "danger", "ended": "info"})
    def standing(self, root: Reconciliation) -> tuple[str, str]:
        if not is_in_force(root):
            return "ended", gettext("no longer in use")
        if root.exceptions:
            return "differs", gettext("%(count)s exceptions") % {"count": root.exceptions}
        return "agrees", gettext("agrees")

    @display(description=_("last run"))
    def ran(self, root: Reconciliation) -> SafeString | str:
        return local_time(root.ran_at)

    @display(description=_("Stripe's books until"))
    def read_until(self, root: Reconciliation) -> SafeString | str:
        return local_time(root.until)

    def get_urls(self) -> list[URLPattern]:
        guarded = self.admin_site.admin_view
        return [
            path("now/", guarded(self.now_view), name="finance_reconciliation_now"),
            path("<str:account>/month/<str:month>/", guarded(self.month_view), name="finance_reconciliation_month"),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return super().changelist_view(request, {"may_reconcile": may_reconcile(request)} | (extra_context or {}))

    def now_view(self, request: HttpRequest) -> HttpResponse:
        """Has all accounts reconciled, or the one that is named. Only a POST does."""
        if not may_reconcile(request):
            raise PermissionDenied
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        accounts, name = configured_accounts(), request.POST.get("account", "")
        if name and name not in accounts:
            raise Http404
        queue_reconciliations([accounts[name]] if name else accounts.values())
        messages.success(request, gettext("Stripe's books are being read: reload this page in a moment."))
        if name and Reconciliation.objects.filter(pk=name).exists():
            return redirect("admin:finance_reconciliation_change", quote(name))
        return redirect("admin:finance_reconciliation_changelist")

    def month_view(self, request: HttpRequest, account: str, month: str) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        root = get_object_or_404(Reconciliation, pk=account)
        try:
            payouts = shown_payouts(payouts_of(root, month)[:SHOWN_AT_ONCE])
        except ValueError:
            raise Http404 from None
        context = self.admin_site.each_context(request) | {
            "title": gettext("%(month)s, account %(account)s") % {"month": month, "account": account},
            "opts": self.opts,
            "root": root,
            "months": sums_by_month(root, month),
            "exceptions": described(exceptions_of_month(root, month)),
            "payouts": payouts,
        }
        return TemplateResponse(request, "admin/finance/reconciliation/month.html", context)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        root: Reconciliation = context["original"]
        cursor = BooksCursor.objects.filter(account=root.pk).first()
        open_by_month = exceptions_by_month(root)
        ended = urlencode({"standing": "ended", "account": root.pk})
        context |= {
            "root": root,
            "is_in_force": is_in_force(root),
            "open_count": sum(open_by_month.values()),
            "ended_url": f"{reverse('admin:finance_reconciliationexception_changelist')}?{ended}",
            "problem": cursor.problem if cursor else "",
            "ran": local_time(root.ran_at),
            "until": local_time(root.until),
            "events": stream_link(root.stream),
            "months": [(sums, open_by_month.get(sums.month, 0)) for sums in sums_by_month(root)],
            "exceptions": described(standing_exceptions(root)),
            "payouts": shown_payouts(payouts_of(root)[:PAYOUTS_SHOWN]),
            "may_reconcile": may_reconcile(request) and root.pk in configured_accounts(),
        }
        return super().render_change_form(request, context, *args, **kwargs)


class StandingFilter(SimpleListFilter):
    """Those that are open, settled, or of an account or mode that nobody reconciles any more."""

    title = _("standing")
    parameter_name = "standing"

    def lookups(self, request: HttpRequest, model_admin: "admin.ModelAdmin[Any]") -> list[tuple[str, Any]]:
        return [("open", _("open")), ("settled", _("settled")), ("ended", _("no longer in use"))]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[ReconciliationException]
    ) -> QuerySet[ReconciliationException]:
        if self.value() == "settled":
            return queryset.filter(settled_at__isnull=False)
        if self.value() == "open":
            return queryset.filter(in_force(), settled_at=None)
        return queryset.filter(~in_force(), settled_at=None) if self.value() == "ended" else queryset


class ReconciledAccountFilter(SimpleListFilter):
    """By Stripe account."""

    title = _("account")
    parameter_name = "account"

    def lookups(self, request: HttpRequest, model_admin: "admin.ModelAdmin[Any]") -> list[tuple[str, str]]:
        reconciled = Reconciliation.objects.values_list("pk", flat=True)
        return [(name, name) for name in sorted({*configured_accounts(), *reconciled})]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[ReconciliationException]
    ) -> QuerySet[ReconciliationException]:
        return queryset.filter(reconciliation=self.value()) if self.value() else queryset


@admin.register(ReconciliationException)
class ReconciliationExceptionAdmin(ReadOnlyAdmin):
    """Every exception there ever was, newest first."""

    list_display = ["labelled_kind", "ours", "theirs", "order", "object_id", "month", "account", "found", "settled"]
    list_display_links = ["labelled_kind", "object_id"]
    list_filter = [StandingFilter, "kind", ReconciledAccountFilter]
    ordering = ["-found_at", "-id"]
    search_fields = ["object_id__exact", "order_id__exact", "payout__exact", "month__exact"]
    search_help_text = _("Order's number, whole id of Stripe's, or a month: 2026-11")
    fields = [
        "kind", "what_to_do", "movement", "ours", "theirs", "order", "at_stripe", "month", "paid_out_by",
        "account", "livemode", "found", "settled", "events",
    ]  # fmt: skip

    @display(description=_("kind"), label=KIND_COLORS)
    def labelled_kind(self, one: ReconciliationException) -> tuple[str, str]:
        return one.kind, one.get_kind_display()

    @display(description=_("what to do"))
    def what_to_do(self, one: ReconciliationException) -> str:
        return str(WHAT_TO_DO[one.kind])

    @display(description=_("ours"))
    def ours(self, one: ReconciliationException) -> SafeString | str:
        return amount(one.our_amount, one.our_currency)

    @display(description=_("Stripe's"))
    def theirs(self, one: ReconciliationException) -> SafeString | str:
        return amount(one.their_amount, one.their_currency)

    @display(description=_("order"))
    def order(self, one: ReconciliationException) -> SafeString | str:
        if one.order_id is None:
            return "-"
        text = gettext("Order %(number)s") % {"number": one.order_id}
        return text_link(reverse("admin:orders_order_change", args=[one.order_id]), text)

    @display(description=_("at Stripe"))
    def at_stripe(self, one: ReconciliationException) -> SafeString | str:
        return stripe_link(one.reconciliation_id, one.livemode, one.object_id)

    @display(description=_("payout"))
    def paid_out_by(self, one: ReconciliationException) -> SafeString | str:
        return payout_link(one.payout)

    @display(description=_("account"))
    def account(self, one: ReconciliationException) -> SafeString:
        url = reverse("admin:finance_reconciliation_change", args=[quote(one.reconciliation_id)])
        return text_link(url, one.reconciliation_id)

    @display(description=_("found"))
    def found(self, one: ReconciliationException) -> SafeString | str:
        return local_time(one.found_at)

    @display(description=_("settled"))
    def settled(self, one: ReconciliationException) -> SafeString | str:
        return local_time(one.settled_at)

    @display(description=_("events"))
    def events(self, one: ReconciliationException) -> SafeString:
        return stream_link(Reconciliation.stream_of(one.reconciliation_id))


WHAT_TO_DO = {
    ExceptionKind.OURS_WITHOUT_THEIRS.value: _(
        "We were told of this movement and Stripe's books don't have it. Open it at Stripe. If it is there with a "
        "balance transaction, reconcile again; if it has none, ask Stripe's support before the month is closed."
    ),
    ExceptionKind.THEIRS_WITHOUT_OURS.value: _(
        "Stripe moved this money and no order of ours knows of it: somebody charged in the dashboard, another "
        "installation shares the account, or webhooks were lost. Run the backfill; if it stays, find out who made it."
    ),
    ExceptionKind.AMOUNT_DIFFERS.value: _(
        "Both know of it and say different amounts, or one says that it was undone. Compare the order's page with the "
        "object at Stripe. A missed webhook is brought in by the backfill; else ask Stripe's support."
    ),
    ExceptionKind.FEE_DIFFERS.value: _(
        "Stripe's fee is another than when it was first read, or than its parts say. Compare it with your pricing at "
        "Stripe, and ask Stripe's support why it was changed."
    ),
    ExceptionKind.PAYOUT_DIFFERS.value: _(
        "What was paid out is not what Stripe's lines sum up to. Open the payout here and at Stripe, and compare it "
        "with the bank statement."
    ),
}
