"""The signed links to an order's page, revoked from it."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from orders.admin.actions import ask, back_to
from orders.models import Order
from orders.services.links import revoke_links


def revoke_links_view(admin: Any, request: HttpRequest, order: Order) -> HttpResponse:
    """The form carries the generation of the links that its reader has seen."""
    if request.method == "POST":
        try:
            generation = int(request.POST.get("generation", ""))
        except ValueError:
            messages.error(request, _("The form was broken: nothing was done."))
            return back_to(order)
        revoke_links(order_id=order.pk, generation=generation)
        messages.success(request, _("The links sent so far open nothing any more."))
        return back_to(order)
    return ask(admin, request, order, "revoke_links", _("Links to order %(number)s") % {"number": order.pk})
