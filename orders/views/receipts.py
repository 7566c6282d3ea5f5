"""The receipt of a paid order, to be printed."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from core.refusals import NotFound
from orders import selectors
from orders.quote import quote_of
from orders.representations import money_table
from orders.views.requests import viewer_of


@require_safe
@never_cache
def receipt(request: HttpRequest, order_id: int) -> HttpResponse:
    """For whoever may see the order; one that was never paid has none."""
    order = selectors.visible_order(order_id, viewer_of(request))
    if order.paid_at is None:
        raise NotFound
    context = {
        "order": order,
        "shop": settings.SHOP_NAME,
        "lines": quote_of(order).lines,
        "money": money_table(order),
        "refunds": selectors.made_refunds(order),
        "token": request.GET.get("token", ""),
    }
    return render(request, "orders/receipt.html", context)
