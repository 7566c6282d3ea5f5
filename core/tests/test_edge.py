"""What every answer has: a request id, strict security headers, our own error pages, no secret in the log."""

import json
import logging
from http import HTTPStatus

import pytest
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.urls import path
from structlog.stdlib import ProcessorFormatter
from structlog.testing import capture_logs

from core.answers import answer_unavailable
from core.logging import redact
from core.middleware import RefusalMiddleware, RequestContextMiddleware
from core.urls import handler400, handler403, handler404, handler500, urlpatterns  # noqa: F401 read as a URLconf below
from orders.models import Item


def explode(_request: HttpRequest) -> HttpResponse:
    raise ValueError("sk_test_abc is in the way")


def without_database(_request: HttpRequest) -> HttpResponse:
    raise OperationalError("server closed the connection")


urlpatterns = [*urlpatterns, path("explode", explode), path("without-database", without_database)]


class TestARequest:
    def test_keeps_the_id_that_the_proxy_gave_it(self, client: Client) -> None:
        assert client.get("/healthz", headers={"X-Request-Id": "abcdef123456"})["X-Request-Id"] == "abcdef123456"

    def test_gets_an_id_of_ours_instead_of_a_strange_one(self, client: Client) -> None:
        assert "<" not in client.get("/healthz", headers={"X-Request-Id": "<script>"})["X-Request-Id"]

    def test_is_logged_without_its_query_string(self) -> None:
        request = RequestFactory().get("/order/1?token=secret")
        with capture_logs() as logs:
            RequestContextMiddleware(lambda _request: HttpResponse())(request)
        [line] = logs
        assert (line["event"], line["path"], line["status"]) == ("http.request", "/order/1", 200)
        assert "secret" not in json.dumps(logs)

    def test_by_a_method_that_the_address_does_not_know_is_told_the_others(self, client: Client) -> None:
        answer = client.delete("/healthz")
        assert (answer.status_code, answer["Allow"]) == (405, "GET, HEAD")
        assert answer.json()["error"]["code"] == "method_not_allowed"

    @pytest.mark.django_db
    def test_with_a_nul_in_a_cookie_is_one_without_it(self, client: Client) -> None:
        answer = client.get("/item/by_order/1", headers={"Cookie": 'sessionid="aaaaaaaa\\000"'})
        assert (answer.status_code, answer.json()) == (200, [])


class TestWhatOnlyProgramsAskFor:
    path = "/webhooks/stripe/nobody/"

    def test_is_answered_without_what_is_for_people(self, client: Client) -> None:
        answer = client.post(self.path, headers={"accept": "text/html"})
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")
        assert {"X-Request-Id", "Content-Length", "X-Content-Type-Options"} <= answer.headers.keys()
        assert not {"Content-Language", "Content-Security-Policy", "Set-Cookie"} & answer.headers.keys()

    def test_is_asked_of_our_own_host_alone(self, client: Client) -> None:
        assert client.post(self.path, headers={"host": "elsewhere.example"}).status_code == HTTPStatus.BAD_REQUEST


class TestHealth:
    def test_is_ready_when_database_migrations_and_queue_are(self, client: Client, db: None) -> None:
        answer = client.get("/readyz")
        assert answer.json() == {"status": "ok", "database": "ok", "migrations": "ok", "queue": "ok"}

    def test_is_alive_without_a_database(self, client: Client) -> None:
        assert client.get("/healthz").json() == {"status": "ok"}


@pytest.mark.django_db
class TestSecurityHeaders:
    def test_admit_no_inline_script_and_only_the_checkout_as_a_forms_target(
        self, client: Client, mug: Item, settings: object
    ) -> None:
        policy = client.get(f"/item/{mug.pk}")["Content-Security-Policy"]
        assert "unsafe" not in policy
        assert "default-src 'none'" in policy
        assert f"form-action 'self' {settings.STRIPE_API_BASE}" in policy  # type: ignore[attr-defined]

    def test_give_the_admin_alone_what_its_theme_needs(self, client: Client) -> None:
        assert "'unsafe-eval'" in client.get("/admin/login/")["Content-Security-Policy"]
        assert "'unsafe-eval'" not in client.get("/")["Content-Security-Policy"]

    def test_forbid_framing_and_sniffing(self, client: Client) -> None:
        answer = client.get("/")
        assert answer["X-Frame-Options"] == "DENY"
        assert answer["X-Content-Type-Options"] == "nosniff"


@pytest.mark.urls("core.tests.test_edge")
class TestAFailure:
    def test_is_a_page_of_ours_without_the_reason(self, client: Client) -> None:
        client.raise_request_exception = False
        answer = client.get("/explode", headers={"accept": "text/html"})
        assert answer.status_code == HTTPStatus.INTERNAL_SERVER_ERROR
        assert b"sk_test" not in answer.content
        assert b"Traceback" not in answer.content
        assert b"Your order is as it was" in answer.content

    def test_is_json_for_programs(self, client: Client) -> None:
        client.raise_request_exception = False
        assert client.get("/explode").json()["error"]["code"] == "internal_error"

    def test_is_on_record_once_with_its_traceback(self, client: Client) -> None:
        client.raise_request_exception = False
        with capture_logs() as logs:
            client.get("/explode?token=abc")
        [broke] = [line for line in logs if line.get("exc_info")]
        assert (broke["event"], broke["log_level"]) == ("request.broke", "error")

    def test_of_the_database_asks_to_come_again(self, client: Client) -> None:
        answer = client.get("/without-database")
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "unavailable")
        assert answer["Retry-After"]

    @pytest.mark.django_db
    @pytest.mark.parametrize("path", ["/item/999999", "/item/99999999999999999999999", "/nowhere", "/order/999999"])
    def test_to_find_something_is_a_page_or_json(self, client: Client, path: str) -> None:
        page = client.get(path, headers={"accept": "text/html"})
        assert (page.status_code, page["Content-Type"]) == (404, "text/html; charset=utf-8")
        answer = client.get(path, headers={"accept": "application/json"})
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")

    def test_that_is_no_refusal_is_left_to_django(self) -> None:
        request = RequestFactory().get("/")
        assert RefusalMiddleware(answer_unavailable).process_exception(request, ValueError()) is None


class TestTheLog:
    @pytest.mark.parametrize(
        "secret",
        [
            "sk_test_51Habc",
            "rk_live_x1",
            "whsec_abcDEF123",
            "pi_3Abc_secret_XyZ",
            "4242424242424242",
            "4242 4242 4242 4242",
            "Bearer abc.def",
        ],
    )
    def test_holds_no_secret_however_deep(self, secret: str) -> None:
        redacted = json.dumps(redact({"event": f"failed with {secret}!", "nested": [{"text": secret}]}))
        assert secret.removeprefix("Bearer ") not in redacted
        assert "[redacted]" in redacted

    def test_holds_no_value_under_a_secret_name(self) -> None:
        assert redact({"Authorization": "x", "email": "a@b.example", "order_id": 7}) == {
            "Authorization": "[redacted]",
            "email": "[redacted]",
            "order_id": 7,
        }

    def test_tells_of_what_django_refuses_without_a_traceback(
        self, client: Client, caplog: pytest.LogCaptureFixture
    ) -> None:
        assert client.get("/healthz", headers={"Host": "evil.example"}).status_code == 400
        [refused] = [record for record in caplog.records if record.name == "django.security.DisallowedHost"]
        [ours] = [one for one in logging.getLogger().handlers if isinstance(one.formatter, ProcessorFormatter)]
        logged = ours.format(refused)
        assert "evil.example" in logged
        assert "Traceback" not in logged

    def test_keeps_ids_and_amounts(self) -> None:
        call_id = "12345678-1234-4123-8123-123456789abc"
        line = {
            "order_id": 1234567890,
            "call_id": call_id,
            "request_id": call_id.replace("-", ""),
            "session": "cs_test_a1b2",
            "amount": 1850,
            "event_id": "evt_1",
        }
        assert redact(line) == line
