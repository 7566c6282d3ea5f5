"""Orders in the admin: looked at here, and changed by services alone."""

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext as _

from core.bulk_admin import BulkActionsAdmin
from core.refusals import NotFound
from orders.admin.actions import ActionView, cancel_view, guarded, looked_at_view
from orders.admin.links import revoke_links_view
from orders.admin.notes import erase_note_view, note_view
from orders.admin.order_list import OrderList
from orders.admin.page import moment_in, page_of, page_of_past
from orders.admin.refunding import approve_view, decline_view, refund_view, return_surplus_view
from orders.history import Past, order_as_of
from orders.models import Order
from orders.projections import OrderAggregate

ACTIONS: dict[str, tuple[str, ActionView]] = {
    "cancel": ("cancel/", cancel_view),
    "refund": ("refund/", refund_view),
    "return_surplus": ("return_surplus/", return_surplus_view),
    "approve": ("approve/<uuid:approval>/", approve_view),
    "decline": ("decline/<uuid:approval>/", decline_view),
    "revoke_links": ("revoke_links/", revoke_links_view),
    "looked_at": ("looked_at/", looked_at_view),
    "note": ("note/", note_view),
    "erase_note": ("note/<uuid:note>/erase/", erase_note_view),
}


@admin.register(Order)
class OrderAdmin(OrderList, BulkActionsAdmin):
    """Finance's view of orders; an order's page ends with its timeline."""

    bulk_actions = ("orders.cancel",)

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
