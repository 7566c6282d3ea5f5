"""The basket: what is in it, its discount, and the way to its payment."""

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import structlog
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_POST, require_safe

from core.answers import answer_refusal, wants_page
from core.refusals import Refusal
from orders.decisions.basket import MOST_OF_AN_ITEM, DiscountNotApplicable, DiscountUnknown, QuantityRefused
from orders.instruments import timed_checkout
from orders.quote import quote_of
from orders.representations import EMPTY_BASKET, money_table, order_as_json
from orders.selectors import basket_of
from orders.services.basket import check_out_basket, place_basket, set_basket_discount, set_basket_item
from orders.shopper import new_shopper, remember_shopper, shopper_of
from orders.throttle import admit_checkout, admit_shopper, admit_stranger
from orders.views.requests import RequestRefused, answer_checkout, read_fields, refuse_prefetch, see_other, whole_number

LONGEST_CODE = 100
# What the shopper can put right where they typed it.
OF_A_FIELD = (QuantityRefused, DiscountUnknown, DiscountNotApplicable)


@dataclass(frozen=True, kw_only=True)
class Typed:
    """What somebody typed, as the quantity of an item, or as the discount code where `item` is None."""

    value: str
    item: int | None = None


@require_safe
@never_cache
@ensure_csrf_cookie
def basket(request: HttpRequest) -> HttpResponse:
    if not wants_page(request):
        return JsonResponse(basket_as_json(shopper_of(request)))
    return basket_page(request)


@require_POST
@never_cache
def basket_items(request: HttpRequest) -> HttpResponse:
    """`{"item", "quantity"}`: sets how many; 0 takes the item out."""
    fields = read_fields(request)
    item_id = whole_number(fields, "item")
    typed = Typed(value=str(fields.get("quantity")), item=item_id)

    def change(shopper: str) -> None:
        set_basket_item(shopper_id=shopper, item_id=item_id, quantity=quantity_of(request, fields))

    return change_basket(request, change, typed)


@require_POST
@never_cache
def basket_discount(request: HttpRequest) -> HttpResponse:
    """`{"code"}`: an empty one takes the discount off."""
    code = read_fields(request).get("code")
    if not isinstance(code, str) or len(code) > LONGEST_CODE:
        raise RequestRefused(needed=gettext("`code`, a text"))
    typed = Typed(value=code)
    return change_basket(request, lambda shopper: set_basket_discount(shopper_id=shopper, code=code), typed)


@require_POST
@never_cache
def basket_checkout(request: HttpRequest) -> HttpResponse:
    """Places the basket and opens its checkout; with `pay` = `here` it is paid on our own page instead."""
    refuse_prefetch(request)
    pays_here = read_fields(request).get("pay") == "here"
    shopper_id = known_shopper(request)
    admit_checkout(shopper_id, request.META["REMOTE_ADDR"])
    try:
        if not pays_here:
            with timed_checkout("session"):
                opened = check_out_basket(shopper_id=shopper_id)
            return answer_checkout(request, opened)
        order_id, _ = place_basket(shopper_id=shopper_id)
    except Refusal as refusal:
        return answer_basket_refusal(request, refusal)
    structlog.contextvars.bind_contextvars(order_id=order_id)
    address = reverse("pay", args=[order_id])
    if wants_page(request):
        return see_other(address)
    return JsonResponse({"order_id": order_id, "url": request.build_absolute_uri(address)})


def quantity_of(request: HttpRequest, fields: dict[str, Any]) -> int:
    """Raises RequestRefused for programs, and for who typed it QuantityRefused, which is shown at the field."""
    try:
        return whole_number(fields, "quantity")
    except RequestRefused:
        if not wants_page(request):
            raise
        raise QuantityRefused(most=MOST_OF_AN_ITEM) from None


def change_basket(request: HttpRequest, change: Callable[[str], None], typed: Typed) -> HttpResponse:
    """Change this shopper's basket and show it; a refusal is shown in it, where it was typed, and changed nothing."""
    shopper_id = known_shopper(request)
    try:
        change(shopper_id)
        response = see_other(reverse("basket")) if wants_page(request) else JsonResponse(basket_as_json(shopper_id))
    except Refusal as refusal:
        response = answer_basket_refusal(request, refusal, typed if isinstance(refusal, OF_A_FIELD) else None)
    remember_shopper(response, shopper_id)
    return response


def known_shopper(request: HttpRequest) -> str:
    """This shopper's id, a new one for a browser without our cookie. Raises TooManyRequests."""
    shopper_id = shopper_of(request)
    if shopper_id is None:
        admit_stranger(request.META["REMOTE_ADDR"])
        shopper_id = new_shopper()
    admit_shopper(shopper_id)
    return shopper_id


def answer_basket_refusal(request: HttpRequest, refusal: Refusal, typed: Typed | None = None) -> HttpResponse:
    if wants_page(request) and HTTPStatus.BAD_REQUEST < refusal.status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return basket_page(request, problem=str(refusal), typed=typed, status=refusal.status)
    return answer_refusal(request, refusal)


def basket_page(
    request: HttpRequest, *, problem: str = "", typed: Typed | None = None, status: HTTPStatus = HTTPStatus.OK
) -> HttpResponse:
    order = basket_of(shopper_of(request))
    quote = quote_of(order) if order else None
    lines, discount = (quote.lines, quote.discount_terms) if quote else ((), None)
    fields = {line.item for line in lines} | (set() if discount else {None})
    context = {
        "order": order,
        "quote": quote if lines else None,
        "money": money_table(order) if order else [],
        "discount": discount,
        "problem": problem,
        "refused": typed if lines and typed and typed.item in fields else None,
    }
    return render(request, "orders/basket.html", context, status=status)


def basket_as_json(shopper_id: str | None) -> dict[str, Any]:
    order = basket_of(shopper_id)
    return order_as_json(order) if order else EMPTY_BASKET
