"""The error pages: each says what to do next, and none needs what may just have broken."""

import copy
from typing import Any

import pytest
from django.conf import LazySettings
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path

from core.answers import answer_refusal
from core.refusals import TooManyRequests
from core.urls import handler400, handler403, handler404, handler500, urlpatterns  # noqa: F401 read as a URLconf below

PAGE = {"accept": "text/html", "host": "testserver"}
HERE = "http://testserver/item/1?from=there"


def explode(_request: HttpRequest) -> HttpResponse:
    raise ValueError("what no handler expected")


def refuse(request: HttpRequest) -> HttpResponse:
    return answer_refusal(request, TooManyRequests())


def broken_processor(_request: HttpRequest) -> dict[str, object]:
    raise RuntimeError("what every page is given is broken too")


urlpatterns = [*urlpatterns, path("explode", explode), path("refuse", refuse)]
pytestmark = pytest.mark.urls(__name__)


def test_the_page_of_a_crash_needs_neither_database_nor_context(client: Client, settings: LazySettings) -> None:
    templates: list[dict[str, Any]] = copy.deepcopy(settings.TEMPLATES)
    templates[0]["OPTIONS"]["context_processors"].append(f"{__name__}.broken_processor")
    settings.TEMPLATES = templates
    client.raise_request_exception = False
    answer = client.get("/explode", headers=PAGE)
    assert (answer.status_code, answer["Content-Type"]) == (500, "text/html; charset=utf-8")
    assert b"Something went wrong" in answer.content
    assert b"/static/core/shop.css" in answer.content


class TestTryingAgain:
    def test_asks_for_the_same_page_that_was_read(self, client: Client) -> None:
        answer = client.get("/refuse?token=a%22b", headers=PAGE)
        assert b'href="/refuse?token=a%22b">Try again' in answer.content

    def test_goes_back_to_the_page_that_the_form_stood_on(self, client: Client) -> None:
        answer = client.post("/refuse", headers={**PAGE, "referer": HERE})
        assert f'href="{HERE}">Try again'.encode() in answer.content

    @pytest.mark.parametrize("referer", ["", "http://[", "http://elsewhere.example/item/1", "javascript:alert(1)"])
    def test_is_not_offered_where_nobody_knows_where_to_begin(self, client: Client, referer: str) -> None:
        answer = client.post("/refuse", headers={**PAGE, "referer": referer})
        assert answer.status_code == 429
        assert b"Try again" not in answer.content
        assert b'href="/">Back to the catalogue' in answer.content

    def test_is_not_offered_where_it_can_not_help(self, client: Client) -> None:
        assert b"Try again" not in client.get("/nothing/here", headers=PAGE).content


class TestAFormThatIsRefused:
    """By Django's protection against forged requests."""

    @pytest.fixture
    def browser(self) -> Client:
        return Client(enforce_csrf_checks=True)

    def test_tells_who_keeps_no_cookies_to_allow_them(self, browser: Client) -> None:
        answer = browser.post("/refuse", headers={**PAGE, "referer": HERE})
        assert answer.status_code == 403
        assert b"Allow cookies for this site" in answer.content
        assert f'href="{HERE}">Try again'.encode() in answer.content

    def test_tells_who_waited_too_long_to_load_the_page_again(self, browser: Client) -> None:
        browser.cookies["csrftoken"] = "a" * 32
        answer = browser.post("/refuse", {"csrfmiddlewaretoken": "b" * 32}, headers=PAGE)
        assert answer.status_code == 403
        assert b"open for too long" in answer.content

    def test_tells_who_comes_from_elsewhere_to_come_here(self, browser: Client) -> None:
        browser.cookies["csrftoken"] = "a" * 32
        answer = browser.post("/refuse", headers={**PAGE, "origin": "https://elsewhere.example"})
        assert answer.status_code == 403
        assert b"came from elsewhere" in answer.content
