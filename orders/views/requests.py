"""What the views have in common: who asks, whether it is a person, and how a checkout is answered."""

import json
from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse

from core.answers import wants_page
from core.refusals import PrefetchRefused, Refusal
from orders.models import Checkout
from orders.selectors import Viewer
from orders.shopper import shopper_of

# What browsers send when they only guess that the person will come: the HTML standard's Sec-Purpose, and its
# forerunners.
PREFETCH_HEADERS = ("Sec-Purpose", "Purpose", "X-Purpose", "X-Moz")
PREFETCH_WORDS = ("prefetch", "prerender", "preview")


class RequestRefused(Refusal):
    """The body lacks what the endpoint needs, or holds it in another shape."""

    code = "bad_request"
    status = HTTPStatus.BAD_REQUEST
    message = "The request needs {needed}."


def viewer_of(request: HttpRequest) -> Viewer:
    return Viewer(
        shopper_id=shopper_of(request),
        token=request.GET.get("token", ""),
        is_staff=request.user.is_active and request.user.is_staff,
    )


def refuse_prefetch(request: HttpRequest) -> None:
    purposes = " ".join(request.headers.get(header, "") for header in PREFETCH_HEADERS).lower()
    if any(word in purposes for word in PREFETCH_WORDS):
        raise PrefetchRefused


def answer_checkout(request: HttpRequest, opened: Checkout) -> HttpResponse:
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
        raise RequestRefused(needed="a JSON object")
    return fields


def whole_number(fields: dict[str, Any], name: str) -> int:
    """Of JSON's numbers or a form's text; raises RequestRefused."""
    value = fields.get(name)
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 18:  # noqa: PLR2004 digits of a bigint
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**18:
        return value
    raise RequestRefused(needed=f"`{name}`, a whole number")
