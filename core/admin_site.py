"""The admin's site: who acts in it, and its navigation."""

from collections.abc import Callable
from functools import wraps
from typing import Any, cast

from django.contrib import admin
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import URLPattern, URLResolver, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop
from unfold.sites import UnfoldAdminSite

from core.eventlog import provenance
from core.staff import second_factor
from core.staff.views import PasswordView, code_view, second_factor_view

# Group -> model, as permissions name it -> what staff call it, and its icon of Material Symbols.
NAVIGATION = {
    gettext_noop("Shop"): {
        "orders.order": (gettext_lazy("Orders"), "receipt_long"),
        "orders.item": (gettext_lazy("Items"), "sell"),
        "billing.discount": (gettext_lazy("Discounts"), "percent"),
        "billing.tax": (gettext_lazy("Taxes"), "account_balance"),
    },
    gettext_noop("Finance"): {
        "finance.ledgerline": (gettext_lazy("Ledger"), "menu_book"),
        "finance.month": (gettext_lazy("Months"), "calendar_month"),
        "finance.reconciliation": (gettext_lazy("Reconciliation"), "balance"),
        "finance.reconciliationexception": (gettext_lazy("Exceptions"), "rule"),
        "finance.payout": (gettext_lazy("Payouts"), "account_balance_wallet"),
        "finance.balancetransaction": (gettext_lazy("Stripe's books"), "menu_book"),
        "finance.exportrecord": (gettext_lazy("Exports"), "download"),
    },
    gettext_noop("Parts of orders"): {
        "orders.orderline": (gettext_lazy("Order lines"), "format_list_bulleted"),
        "orders.checkout": (gettext_lazy("Checkouts"), "shopping_cart_checkout"),
        "orders.payment": (gettext_lazy("Payments"), "payments"),
        "orders.refund": (gettext_lazy("Refunds"), "undo"),
        "orders.refundrequest": (gettext_lazy("Refund requests"), "outbox"),
        "orders.refundapproval": (gettext_lazy("Refund approvals"), "how_to_reg"),
        "orders.dispute": (gettext_lazy("Disputes"), "gavel"),
        "orders.review": (gettext_lazy("Reviews"), "policy"),
        "orders.mail": (gettext_lazy("E-mails"), "mail"),
        "orders.staffnote": (gettext_lazy("Notes"), "sticky_note_2"),
    },
    gettext_noop("Stripe"): {
        "billing.stripecall": (gettext_lazy("Stripe calls"), "call_made"),
        "billing.stripeidentity": (gettext_lazy("Accounts at Stripe"), "badge"),
        "billing.discountmirror": (gettext_lazy("Mirrored discounts"), "sync"),
        "billing.coupon": (gettext_lazy("Coupons"), "confirmation_number"),
        "billing.taxmirror": (gettext_lazy("Mirrored taxes"), "sync"),
        "billing.taxrate": (gettext_lazy("Tax rates"), "request_quote"),
        "webhooks.delivery": (gettext_lazy("Deliveries"), "call_received"),
        "webhooks.handlingrequest": (gettext_lazy("Handled again"), "replay"),
        "webhooks.paymentlink": (gettext_lazy("Payment links"), "link"),
        "webhooks.backfillcursor": (gettext_lazy("Backfill"), "update"),
    },
    gettext_noop("Records"): {
        "core.event": (gettext_lazy("Event log"), "history"),
        "core.checkpoint": (gettext_lazy("Checkpoints"), "verified"),
        "core.follower": (gettext_lazy("Projections"), "summarize"),
        "core.bulkrun": (gettext_lazy("Bulk actions"), "checklist"),
        "procrastinate.procrastinatejob": (gettext_lazy("Background jobs"), "pending_actions"),
    },
    gettext_noop("People"): {
        "auth.user": (gettext_lazy("Users"), "person"),
        "auth.group": (gettext_lazy("Groups"), "group"),
        "core.staffrecord": (gettext_lazy("Sign-ins"), "how_to_reg"),
    },
}


class StaffSite(UnfoldAdminSite):
    """The one admin site: what its views cause is on record as done by the person who is logged in."""

    index_title = gettext_lazy("Home")

    def has_permission(self, request: HttpRequest) -> bool:
        return super().has_permission(request) and second_factor.is_enough(request)

    def get_urls(self) -> list[URLResolver | URLPattern]:
        return [
            path("login/code/", code_view, name="sign_in_code"),
            path("second-factor/", second_factor_view, name="second_factor"),
            *super().get_urls(),
        ]

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Django's, with our view: the password is one step of two."""
        next_page = PasswordView().get_redirect_url(request) or reverse("admin:index")
        if request.method == "GET" and self.has_permission(request):
            return HttpResponseRedirect(next_page)
        context = {
            **self.each_context(request),
            "title": _("Log in"),
            "app_path": request.get_full_path(),
            REDIRECT_FIELD_NAME: next_page,
            **(extra_context or {}),
        }
        request.current_app = self.name
        view = PasswordView.as_view(
            authentication_form=self.login_form, template_name="admin/login.html", extra_context=context
        )
        return cast("HttpResponse", view(request))

    def admin_view[View: Callable[..., HttpResponseBase]](self, view: View, cacheable: bool = False) -> View:  # noqa: FBT001, FBT002 Django's signature
        @wraps(view)
        def by_staff(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if "\0" in request.path:
                raise Http404  # no row's key holds one: PostgreSQL's texts can't
            with provenance.acting(f"staff:{request.user.pk}"):
                return view(request, *args, **kwargs)

        # Inside of Django's own wrapper, hence behind its check that this is staff.
        return super().admin_view(cast("View", by_staff), cacheable)

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """What this person may see, in the groups of NAVIGATION; of one app alone, as Django has it."""
        apps = super().get_app_list(request, app_label)
        if app_label is not None:
            return apps
        models = {
            f"{app['app_label']}.{model['object_name']}".lower(): model for app in apps for model in app["models"]
        }
        groups = {
            title: [
                models.pop(key) | {"name": name, "icon": icon} for key, (name, icon) in entries.items() if key in models
            ]
            for title, entries in NAVIGATION.items()
        }
        groups[gettext_noop("More")] = list(models.values())
        start = reverse("admin:index")
        return [
            {"name": _(title), "app_label": title.lower(), "app_url": start, "has_module_perms": True, "models": listed}
            for title, listed in groups.items()
            if listed
        ]


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """The sidebar: the groups of the start page (settings.UNFOLD)."""
    return [
        {
            "title": group["name"],
            "separator": position > 0,
            "items": [
                {"title": model["name"], "icon": model.get("icon", "table"), "link": model["admin_url"]}
                for model in group["models"]
            ],
        }
        for position, group in enumerate(admin.site.get_app_list(request))
    ]
