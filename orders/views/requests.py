"""What the views have in common: who asks, whether it is a person, and how a checkout is answered."""

from http import HTTPStatus

from django.http import HttpRequest, HttpResponse, JsonResponse

from core.answers import wants_page
from core.refusals import PrefetchRefused
from orders.models import Checkout
from orders.selectors import Viewer
from orders.shopper import shopper_of

# What browsers send when they only guess that the person will come: the HTML standard's Sec-Purpose, and its
# forerunners.
PREFETCH_HEADERS = ("Sec-Purpose", "Purpose", "X-Purpose", "X-Moz")
PREFETCH_WORDS = ("prefetch", "prerender", "preview")


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
