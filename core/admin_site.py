"""The admin's site: who acts in it, and its navigation."""

from collections.abc import Callable
from functools import wraps
from typing import Any, cast

from django.contrib import admin
from django.contrib.admin.apps import AdminConfig
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext_lazy
from unfold.sites import UnfoldAdminSite

from core.eventlog import provenance

# Group -> model, as permissions name it -> what staff call it, and its icon of Material Symbols.
NAVIGATION = {
    "Shop": {
        "orders.order": ("Orders", "receipt_long"),
        "orders.item": ("Items", "sell"),
        "billing.discount": ("Discounts", "percent"),
        "billing.tax": ("Taxes", "account_balance"),
    },
    "Finance": {
        "finance.ledgerline": ("Ledger", "menu_book"),
        "finance.exportrecord": ("Exports", "download"),
    },
    "Parts of orders": {
        "orders.orderline": ("Order lines", "format_list_bulleted"),
        "orders.checkout": ("Checkouts", "shopping_cart_checkout"),
        "orders.payment": ("Payments", "payments"),
        "orders.refund": ("Refunds", "undo"),
        "orders.dispute": ("Disputes", "gavel"),
        "orders.review": ("Reviews", "policy"),
    },
    "Stripe": {
        "billing.stripecall": ("Stripe calls", "call_made"),
        "billing.discountmirror": ("Mirrored discounts", "sync"),
        "billing.coupon": ("Coupons", "confirmation_number"),
        "billing.taxmirror": ("Mirrored taxes", "sync"),
        "billing.taxrate": ("Tax rates", "request_quote"),
        "webhooks.delivery": ("Deliveries", "call_received"),
        "webhooks.paymentlink": ("Payment links", "link"),
        "webhooks.backfillcursor": ("Backfill", "update"),
    },
    "Records": {
        "core.event": ("Event log", "history"),
        "core.checkpoint": ("Checkpoints", "verified"),
        "procrastinate.procrastinatejob": ("Background jobs", "pending_actions"),
    },
    "People": {
        "auth.user": ("Users", "person"),
        "auth.group": ("Groups", "group"),
    },
}


class StaffSite(UnfoldAdminSite):
    """The one admin site: what its views cause is on record as done by the person who is logged in."""

    index_title = gettext_lazy("Home")

    def admin_view[View: Callable[..., HttpResponseBase]](self, view: View, cacheable: bool = False) -> View:  # noqa: FBT001, FBT002 Django's signature
        @wraps(view)
        def by_staff(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
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
        groups["More"] = list(models.values())
        start = reverse("admin:index")
        return [
            {"name": title, "app_label": title.lower(), "app_url": start, "has_module_perms": True, "models": listed}
            for title, listed in groups.items()
            if listed
        ]


class StaffSiteConfig(AdminConfig):
    """Makes StaffSite the site that `admin.site` and `@admin.register` mean."""

    default_site = "core.admin_site.StaffSite"


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
