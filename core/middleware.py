"""What every request gets: an id, a log line, a language, the admin's own CSP, and refusals turned into answers."""

import re
import sys
import time
import uuid
from collections.abc import Callable, Mapping
from functools import lru_cache
from http import HTTPStatus
from urllib.parse import unquote
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import structlog
from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.models import AnonymousUser
from django.core.signals import got_request_exception
from django.db import InterfaceError, OperationalError
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.urls import resolve
from django.utils import timezone, translation
from django.utils.cache import patch_vary_headers

from core.answers import answer_not_allowed, answer_refusal, answer_unavailable
from core.eventlog import provenance
from core.instruments import count_request
from core.locales import locale_of, spoken_locale
from core.refusals import Refusal
from core.staff import sessions
from core.staff.backend import refused
from core.staff.facts import StaffDenied, StaffSignedOut
from core.staff.record import put_on_record

log = structlog.get_logger()
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")

type GetResponse = Callable[[HttpRequest], HttpResponse]


class RequestContextMiddleware:
    """Binds the request's id to its log lines and to the events that it causes, logs how it ended, and counts it.

    An id sent by the proxy in front (`X-Request-Id`) is kept. The query string is never logged: it may carry a token.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get("X-Request-Id", "")
        request_id = given if REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        started = time.perf_counter()
        with provenance.acting("shopper", correlation_id=request_id):
            response = self.get_response(request)
        seconds = time.perf_counter() - started
        log.info(
            "http.request",
            method=request.method,
            path=request.path,
            status=response.status_code,
            milliseconds=round(seconds * 1000),
        )
        match = request.resolver_match
        count_request(match.view_name if match else "", response.status_code, seconds)
        response["X-Request-Id"] = request_id
        return response

    def process_view(self, _request: HttpRequest, _view: object, _args: object, named: Mapping[str, object]) -> None:
        if "order_id" in named:
            structlog.contextvars.bind_contextvars(order_id=named["order_id"])


class CookieMiddleware:
    """Passes over cookies that hold a NUL, written as `"\\000"`: PostgreSQL compares no text with one, and no cookie of
    ours has any.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        for name in [name for name, value in request.COOKIES.items() if "\0" in value]:
            del request.COOKIES[name]
        return self.get_response(request)


class ProgramsMiddleware:
    """What only programs ask for (settings.FOR_PROGRAMS) is answered here: all that stands below in settings.MIDDLEWARE
    is for people, and would cost a delivery of Stripe's more than its signature does.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path_info.startswith(settings.FOR_PROGRAMS):
            return self.get_response(request)
        request.resolver_match = resolve(request.path_info)
        view, args, kwargs = request.resolver_match
        try:
            return in_our_form(request, view(request, *args, **kwargs))
        except Exception as exception:
            answer = answer_exception(request, exception)
            if answer is None:
                raise
            return answer


class AdminContentSecurityPolicyMiddleware:
    """Grants `/admin/` alone what django-unfold needs (settings.ADMIN_CSP); error pages under it included."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if request.path.startswith("/admin/"):
            # What django.views.decorators.csp.csp_override sets; a middleware reaches the views that we don't define.
            vars(response).setdefault("_csp_config", settings.ADMIN_CSP)
        return response


class StaffSessionMiddleware:
    """Ends sessions that were idle or lasted too long. Who has no session, as shoppers, costs it nothing."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if settings.SESSION_COOKIE_NAME in request.COOKIES:
            try:
                self.keep_or_end(request)
            except (OperationalError, InterfaceError):
                log.exception("database.unavailable")
                return answer_unavailable(request)
        return self.get_response(request)

    def keep_or_end(self, request: HttpRequest) -> None:
        session = request.session
        if SESSION_KEY not in session:
            return
        why = sessions.why_over(session)
        if why:
            user_id = int(session[SESSION_KEY])
            with provenance.acting(f"staff:{user_id}"):
                put_on_record(user_id, StaffSignedOut(why=why))
            session.flush()
            request.user = AnonymousUser()
        elif request.path.startswith("/admin/"):
            sessions.note_activity(session)


class DenialMiddleware:
    """Every 403 of the admin's goes on record with whom it denied something; strangers are led to sign in instead."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path.startswith("/admin/"):
            return self.get_response(request)
        refused.set("")
        response = self.get_response(request)
        if response.status_code == HTTPStatus.FORBIDDEN and request.user.pk:
            match = request.resolver_match
            denied = StaffDenied(
                view=match.view_name if match else "", method=request.method or "", permission=refused.get()
            )
            with provenance.acting(f"staff:{request.user.pk}"):
                put_on_record(request.user.pk, denied)
        return response


class LanguageMiddleware:
    """Speaks to everybody in their language, writes amounts as they are used to, and tells times in their zone.

    The language is the one that they chose by a page's switch, else the first that their browser asks for and we speak.
    Amounts follow the browser's region (`en-GB`), also where we don't speak its language, unless another was chosen.
    The zone is what their browser says in a cookie (core/static/core/time_zone.js), UTC until then.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        chosen = chosen_language(request)
        language = chosen or translation.get_language_from_request(request)
        token = spoken_locale.set(locale_of(request.headers.get("Accept-Language", ""), chosen))
        try:
            with translation.override(language), timezone.override(zone_of(request.COOKIES.get("time_zone", ""))):
                response = self.get_response(request)
        finally:
            spoken_locale.reset(token)
        patch_vary_headers(response, ["Accept-Language", "Cookie"])
        response.headers.setdefault("Content-Language", language)
        return response


def chosen_language(request: HttpRequest) -> str | None:
    """What django.views.i18n.set_language stored in this browser, if we speak it."""
    try:
        return translation.get_supported_language_variant(request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME, ""))
    except LookupError:
        return None


@lru_cache(maxsize=512)
def zone_of(name: str) -> ZoneInfo:
    """A zone of the IANA database by its name; UTC where there is none of that name."""
    try:
        return ZoneInfo(unquote(name) or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


@receiver(got_request_exception, dispatch_uid="core.tell_what_broke")
def tell_what_broke(**_signal: object) -> None:
    """The one record of what broke a request: Django's, which repeats the query string, is off (core/logging.py)."""
    log.error("request.broke", exc_info=sys.exception())


class RefusalMiddleware:
    """Answers a Refusal with its own status and words, a method that an address doesn't know with 405, a lost database
    with 503: all as a page or JSON.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return in_our_form(request, self.get_response(request))

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        return answer_exception(request, exception)


def in_our_form(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Django's 405 says nothing."""
    if isinstance(response, HttpResponseNotAllowed) and not response.content:
        return answer_not_allowed(request, allowed=response["Allow"])
    return response


def answer_exception(request: HttpRequest, exception: Exception) -> HttpResponse | None:
    """None for what is neither: a mistake of ours."""
    if isinstance(exception, Refusal):
        return answer_refusal(request, exception)
    if isinstance(exception, OperationalError | InterfaceError):
        log.error("database.unavailable", exc_info=exception)
        return answer_unavailable(request)
    return None
