"""What the views have in common: who asks, whether it is a person, and how a checkout is answered."""

import json
from http import HTTPStatus
from typing import Any

import structlog
from django.db.models import prefetch_related_objects
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _

from core.answers import wants_page
from core.refusals import PrefetchRefused, Refusal
from orders.finding import BIGINT_DIGITS
from orders.models import Checkout, Order
from orders.selectors import Viewer, why_canceled
from orders.shopper import shopper_of
from orders.statuses import Return, Status, status_of

# What browsers send when they only guess that the person will come: the HTML standard's Sec-Purpose, and its
# forerunners.
PREFETCH_HEADERS = ("Sec-Purpose", "Purpose", "X-Purpose", "X-Moz")
PREFETCH_WORDS = ("prefetch", "prerender", "preview")


class RequestRefused(Refusal):
    """The body lacks what the endpoint needs, or holds it in another shape."""

    code = "bad_request"
    status = HTTPStatus.BAD_REQUEST
    message = _("The request needs {needed}.")


def viewer_of(request: HttpRequest) -> Viewer:
    return Viewer(
        shopper_id=shopper_of(request),
        token=request.GET.get("token", ""),
        is_staff=request.user.is_active and request.user.is_staff,
    )


def status_for(request: HttpRequest, order: Order) -> Status:
    """What the page says of an order; the sentences are few, what they follow from is more than its figures need."""
    prefetch_related_objects([order], "refunds", "disputes")
    return status_of(order, returning=return_of(request), canceled_because=why_canceled(order))


def return_of(request: HttpRequest) -> Return:
    """Whether the shopper comes from paying, and as far as they know successfully.

    Stripe.js adds `redirect_status`: docs.stripe.com/payments/accept-a-payment.
    """
    came_back, refused = "returned" in request.GET, request.GET.get("redirect_status") == "failed"
    return Return(paid=came_back and not refused, refused=came_back and refused)


def refuse_prefetch(request: HttpRequest) -> None:
    purposes = " ".join(request.headers.get(header, "") for header in PREFETCH_HEADERS).lower()
    if any(word in purposes for word in PREFETCH_WORDS):
        raise PrefetchRefused


def answer_checkout(request: HttpRequest, opened: Checkout) -> HttpResponse:
    structlog.contextvars.bind_contextvars(order_id=opened.order_id)
    if wants_page(request):
        return see_other(opened.url)
    return JsonResponse({"session_id": opened.session_id, "url": opened.url, "order_id": opened.order_id})


def see_other(address: str) -> HttpResponse:
    return HttpResponse(status=HTTPStatus.SEE_OTHER, headers={"Location": address})


def read_fields(request: HttpRequest) -> dict[str, Any]:
    """The fields of a form, or of a JSON object. Raises RequestRefused."""
    if request.content_type != "application/json":
        return dict(request.POST.items())
    try:
        fields = json.loads(request.body)
    except (ValueError, RecursionError):
        fields = None
    if not isinstance(fields, dict):
        raise RequestRefused(needed=gettext("a JSON object"))
    return fields


def whole_number(fields: dict[str, Any], name: str) -> int:
    """Of JSON's numbers or a form's text; raises RequestRefused."""
    value = fields.get(name)
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= BIGINT_DIGITS:
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**BIGINT_DIGITS:
        return value
    raise RequestRefused(needed=gettext("`{name}`, a whole number").format(name=name))
