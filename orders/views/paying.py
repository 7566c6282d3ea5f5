"""Paying on our own page, with Stripe's Payment Element."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.csp import csp_override
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_POST, require_safe

from core.answers import json_only
from orders import selectors
from orders.instruments import timed_checkout
from orders.links import order_url
from orders.quote import quote_of
from orders.representations import money_table
from orders.services.intents import payable_intent
from orders.shopper import shopper_of
from orders.statuses import status_of
from orders.throttle import admit_checkout, admit_shopper
from orders.views.requests import refuse_prefetch, see_other, viewer_of


@require_POST
@never_cache
@json_only
def payment_intent(request: HttpRequest, order_id: int) -> JsonResponse:
    """Opens, or finds open, the order's PaymentIntent; the secret comes from Stripe each time and is kept nowhere."""
    refuse_prefetch(request)
    own = selectors.own_order_id(order_id, shopper_of(request))
    admit_shopper(shopper_of(request) or "")
    admit_checkout(shopper_of(request) or "", request.META["REMOTE_ADDR"])
    with timed_checkout("intent"):
        intent = payable_intent(order_id=own)
    return JsonResponse({"client_secret": intent.client_secret, "publishable_key": intent.publishable_key})


@require_safe
@never_cache
@ensure_csrf_cookie
@csp_override(settings.PAYMENT_CSP)
def pay(request: HttpRequest, order_id: int) -> HttpResponse:
    """The Payment Element; an order that can't be paid now shows its own page instead."""
    order = selectors.visible_order(selectors.own_order_id(order_id, shopper_of(request)), viewer_of(request))
    if not status_of(order).payable:
        return see_other(order_url(order))
    context = {
        "order": order,
        "lines": quote_of(order).lines,
        "money": money_table(order),
        "stripe_js": settings.STRIPE_JS_URL,
        "writes_mails": bool(settings.MAILERS),
        "return_url": order_url(order, returned="1"),
    }
    return render(request, "orders/pay.html", context)
