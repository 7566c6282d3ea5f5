"""The catalogue, an item and its Buy button, an order."""

import re
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from core.answers import answer_error, answer_refusal, json_only, mark_json_only, wants_page
from core.refusals import Refusal
from orders import selectors
from orders.instruments import timed_checkout
from orders.quote import quote_of
from orders.representations import money_table, order_as_json, status_as_json, tax_in_words
from orders.services.buying import buy_item
from orders.services.checkout import open_checkout
from orders.services.links import revoke_links
from orders.shopper import new_shopper, remember_shopper, shopper_of
from orders.throttle import admit_checkout, admit_shopper, admit_stranger
from orders.views.requests import (
    answer_checkout,
    read_fields,
    refuse_prefetch,
    see_other,
    status_for,
    viewer_of,
    whole_number,
)

ORDER_ID = re.compile(r"[0-9]{1,18}")


@require_safe
@ensure_csrf_cookie
def catalogue(request: HttpRequest) -> HttpResponse:
    return render(request, "orders/catalogue.html", {"items": selectors.catalogue()})


@require_safe
@never_cache
@ensure_csrf_cookie
def item(request: HttpRequest, item_id: int) -> HttpResponse:
    """The item's page; it sets the shopper's cookie, so that the first click on Buy is already somebody's."""
    shopper_id = shopper_of(request)
    in_basket = selectors.quantity_in_basket(shopper_id, item_id)
    found = selectors.item_by_id(item_id)
    context = {
        "item": found,
        "taxes": [tax_in_words(terms) for terms in found.tax_terms],
        "in_basket": in_basket,
        "one_more": in_basket + 1,
    }
    response = render(request, "orders/item.html", context)
    if shopper_id is None:
        remember_shopper(response, new_shopper())
    return response


@require_http_methods(["GET", "POST"])
@never_cache
def buy(request: HttpRequest, item_id: int) -> HttpResponse:
    """Opens, or finds open, this shopper's checkout of one unit; GET always answers JSON.

    A refusal sets the cookie too: the order that was placed is then found again by the next try.
    """
    if request.method == "GET":
        mark_json_only(request)
    refuse_prefetch(request)
    shopper_id = shopper_of(request)
    if shopper_id is None:
        admit_stranger(request.META["REMOTE_ADDR"])
        shopper_id = new_shopper()
    admit_checkout(shopper_id, request.META["REMOTE_ADDR"])
    try:
        with timed_checkout("session"):
            opened = buy_item(shopper_id=shopper_id, item_id=item_id)
        response = answer_checkout(request, opened)
    except Refusal as refusal:
        response = answer_refusal(request, refusal)
    remember_shopper(response, shopper_id)
    return response


@require_POST
@never_cache
def checkout(request: HttpRequest, order_id: int) -> HttpResponse:
    refuse_prefetch(request)
    own = selectors.own_order_id(order_id, shopper_of(request))
    admit_checkout(shopper_of(request) or "", request.META["REMOTE_ADDR"])
    with timed_checkout("session"):
        opened = open_checkout(order_id=own)
    return answer_checkout(request, opened)


@require_safe
@never_cache
@ensure_csrf_cookie
def order(request: HttpRequest, order_id: int) -> HttpResponse:
    found = selectors.visible_order(order_id, viewer_of(request))
    if "application/json" in request.headers.get("Accept", "") and not wants_page(request):
        return JsonResponse(order_as_json(found))
    context = {
        "order": found,
        "status": status_for(request, found),
        "final": selectors.is_final(found),
        "progress": selectors.payment_progress(found),
        "lines": quote_of(found).lines,
        "money": money_table(found),
        "own": found.shopper_id == shopper_of(request),
        "token": request.GET.get("token", ""),
    }
    return render(request, "orders/order.html", context)


@require_POST
@never_cache
def revoke_links_of(request: HttpRequest, order_id: int) -> HttpResponse:
    """`{"generation"}`: the links of that generation open the page no more; this browser still does."""
    own = selectors.own_order_id(order_id, shopper_of(request))
    admit_shopper(shopper_of(request) or "")
    revoke_links(order_id=own, generation=whole_number(read_fields(request), "generation"))
    if wants_page(request):
        return see_other(reverse("order", args=[own]))
    return JsonResponse({"order_id": own})


@require_safe
@never_cache
@json_only
def order_status(request: HttpRequest, order_id: int) -> HttpResponse:
    return JsonResponse(status_as_json(selectors.visible_order(order_id, viewer_of(request))))


@require_safe
@never_cache
@json_only
def orders_with_item(request: HttpRequest, item_id: int) -> HttpResponse:
    before = request.GET.get("before", "")
    if before and not ORDER_ID.fullmatch(before):
        return answer_error(
            request, status=HTTPStatus.BAD_REQUEST, code="bad_request", message=gettext("`before` must be an order id.")
        )
    orders = selectors.orders_with_item(item_id, viewer_of(request), int(before) if before else None)
    return JsonResponse([order_as_json(order) for order in orders], safe=False)
