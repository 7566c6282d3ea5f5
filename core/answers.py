"""How a failure looks from outside: JSON for programs, a page for people."""

from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from urllib.parse import urlsplit

import structlog
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core.refusals import Refusal

log = structlog.get_logger()

type View = Callable[..., HttpResponse]

RETRY_AFTER_SECONDS = 5
# What a page is headed with; HTTP's own phrases are no words for a shopper.
TITLES = {
    HTTPStatus.BAD_REQUEST: _("That did not work"),
    HTTPStatus.FORBIDDEN: _("Not allowed"),
    HTTPStatus.NOT_FOUND: _("Nothing here"),
    HTTPStatus.METHOD_NOT_ALLOWED: _("That did not work"),
    HTTPStatus.CONFLICT: _("Not possible now"),
    HTTPStatus.UNPROCESSABLE_ENTITY: _("We can't take this payment"),
    HTTPStatus.TOO_MANY_REQUESTS: _("One moment, please"),
    HTTPStatus.INTERNAL_SERVER_ERROR: _("Something went wrong"),
    HTTPStatus.BAD_GATEWAY: _("The payment was not opened"),
    HTTPStatus.SERVICE_UNAVAILABLE: _("Back in a moment"),
}
# What is over in a while, so that the page offers to try again.
PASSING = {
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.INTERNAL_SERVER_ERROR,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE,
}


def json_only(view: View) -> View:
    """Errors of this view are JSON whatever the client accepts."""

    @wraps(view)
    def marked(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        mark_json_only(request)
        return view(request, *args, **kwargs)

    return marked


def mark_json_only(request: HttpRequest) -> None:
    vars(request)["json_only"] = True


def wants_page(request: HttpRequest) -> bool:
    """Whether the answer should be HTML: the client asks for it, and the endpoint isn't one that only speaks JSON."""
    return "text/html" in request.headers.get("Accept", "") and not getattr(request, "json_only", False)


def came_from(request: HttpRequest) -> str:
    """The page of ours whose form or link led here, as the browser says; empty if it says none."""
    address = request.headers.get("Referer", "")
    try:
        is_ours = urlsplit(address).netloc == request.headers.get("Host")
    except ValueError:  # no address: `http://[`
        return ""
    return address if is_ours else ""


def answer_error(
    request: HttpRequest, *, status: HTTPStatus, code: str, message: str, title: str = "", passing: bool = False
) -> HttpResponse:
    """`{"error": {"code", "message"}}`, or the error page saying the same; `passing`: trying again can help."""
    if wants_page(request):
        is_read = request.method in {"GET", "HEAD"}
        context = {
            "status": int(status),
            "title": title or TITLES.get(status, status.phrase),
            "message": message,
            "passing": passing or status in PASSING,
            "way_back": request.get_full_path() if is_read else came_from(request),
        }
        # What broke may be the database, or whatever every other page is given: this one asks for neither.
        is_broken = status == HTTPStatus.INTERNAL_SERVER_ERROR
        response = render(None if is_broken else request, "error.html", context, status=status)
    else:
        response = JsonResponse({"error": {"code": code, "message": message}}, status=status)
    patch_vary_headers(response, ["Accept"])
    return response


def answer_refusal(request: HttpRequest, refusal: Refusal) -> HttpResponse:
    """A refusal's own status and words; its ids are for the log, which tells it in one language."""
    log.info("request.refused", code=refusal.code, message=refusal.message, ids=refusal.ids)
    response = answer_error(request, status=refusal.status, code=refusal.code, message=str(refusal))
    if refusal.status in {HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS}:
        response["Retry-After"] = str(refusal.ids.get("retry_after", RETRY_AFTER_SECONDS))
    return response


def answer_not_allowed(request: HttpRequest, *, allowed: str) -> HttpResponse:
    """`allowed`: the methods that the address answers to, as RFC 9110, 10.2.1, wants them told."""
    response = answer_error(
        request,
        status=HTTPStatus.METHOD_NOT_ALLOWED,
        code="method_not_allowed",
        message=gettext("The request could not be understood."),
    )
    response["Allow"] = allowed
    return response


def answer_unavailable(request: HttpRequest) -> HttpResponse:
    response = answer_error(
        request,
        status=HTTPStatus.SERVICE_UNAVAILABLE,
        code="unavailable",
        message=gettext("We can't reach our records right now. Nothing was lost; try again in a moment."),
    )
    response["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return response
