"""Nothing reaches Stripe without a committed intent, and no intent stays without an outcome."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from email.utils import parsedate_to_datetime
from io import StringIO
from typing import Any
from uuid import uuid4

import pytest
import stripe
from django.conf import settings
from django.core.management import call_command
from django.db import transaction
from django.utils import timezone
from freezegun import freeze_time

from billing.accounts import account_named
from billing.events import StripeCallFailed, StripeCallSucceeded, StripeCallUnknown
from billing.gateway.calls import Reply, execute_call, judge, judge_error, judge_read_error, operations, send_call
from billing.gateway.client import Attempt, stripe_client
from billing.gateway.errors import (
    KEY_REFUSED,
    NO_ANSWER,
    NOT_PERMITTED,
    IntentMissingError,
    StripeRefused,
    StripeUnreachable,
)
from billing.gateway.sessions import Sessions, session_body
from billing.models import CallState, StripeCall
from billing.quotes import Quote, QuotedLine
from billing.services import find_out, sweep_open_calls
from core.eventlog import provenance
from core.eventlog.append import read_stream
from tests.simulated import SimulatedStripe

pytestmark = pytest.mark.django_db(transaction=True)

LINE = QuotedLine(item=1, name="Mug", quantity=2, unit_amount=500, subtotal=1000, discount=0, tax=0, total=1000)
QUOTE = Quote(currency="usd", lines=(LINE,), subtotal=1000, discount=0, tax=0, total=1000)


@pytest.fixture(autouse=True)
def somebody_acts() -> Iterator[None]:
    with provenance.acting("system:test"):
        yield


@pytest.fixture
def sessions() -> Sessions:
    return Sessions(account_named("default"))


def intend(sessions: Sessions, **changes: Any) -> StripeCall:
    call_id = uuid4()
    body = session_body(
        QUOTE,
        coupons={},
        tax_rates={},
        success_url="https://shop.example/order/1",
        cancel_url="https://shop.example/order/1",
        metadata={"order_id": "1", "attempt": "1", "call_id": str(call_id)},
    )
    # A subject that is no order: what follows for orders is tested there.
    return sessions.intend("expire" if changes else "create", call_id=call_id, body=body | changes)


def made_by(reply: Reply) -> str:
    assert reply.stripe_object is not None
    return str(reply.stripe_object["id"])


def kinds(call: StripeCall) -> list[str]:
    return [recorded.event.kind for recorded in read_stream(call.stream)]


class TestARequest:
    def test_without_an_intent_does_not_leave(self, stripe_side: SimulatedStripe) -> None:
        client = stripe_client(account_named("default"))
        with pytest.raises(IntentMissingError):
            client.v1.checkout.sessions.list()
        with pytest.raises(IntentMissingError):
            client.v1.checkout.sessions.list({}, {"idempotency_key": str(uuid4())})
        assert stripe_side.requests_of("GET", "/v1/checkout/sessions") == []

    def test_with_an_intent_that_is_not_committed_does_not_leave(
        self, sessions: Sessions, stripe_side: SimulatedStripe
    ) -> None:
        with transaction.atomic(), pytest.raises(RuntimeError, match="durable"):
            send_call(intend(sessions))
        assert stripe_side.requests_of("POST", "/v1/checkout/sessions") == []

    def test_is_recorded_from_intent_to_outcome(self, sessions: Sessions, stripe_side: SimulatedStripe) -> None:
        page = sessions.read("list", body={"limit": 3})
        assert page["data"] == []
        call = StripeCall.objects.get()
        assert kinds(call) == ["stripe.call.requested", "stripe.call.attempted", "stripe.call.succeeded"]
        attempt = read_stream(call.stream)[1].fact
        assert (attempt.http_status, attempt.replayed) == (200, False)
        assert attempt.request_id.startswith("req_")

    def test_that_is_refused_has_failed_with_stripes_code(
        self, sessions: Sessions, stripe_side: SimulatedStripe
    ) -> None:
        with pytest.raises(StripeRefused):
            sessions.read("retrieve", target="cs_test_nowhere")
        call = StripeCall.objects.get()
        assert (call.state, call.reason) == (CallState.FAILED, "resource_missing")

    def test_to_read_that_is_not_answered_has_failed(self, sessions: Sessions, stripe_side: SimulatedStripe) -> None:
        stripe_side.order_fault("drop", "GET /v1/checkout/sessions")
        with pytest.raises(StripeUnreachable):
            sessions.read("list")
        assert StripeCall.objects.get().state == CallState.FAILED

    def test_to_read_with_a_key_that_stripe_refuses_is_told_from_one_that_is_not_answered(
        self, sessions: Sessions, stripe_side: SimulatedStripe, settings: Any
    ) -> None:
        no_key = replace(account_named("default"), secret_key="sk_test_no-key")
        settings.STRIPE_ACCOUNTS = {"default": no_key}
        with pytest.raises(StripeRefused) as refused:
            sessions.read("list")
        assert refused.value.ids == {"reason": KEY_REFUSED}

    def test_knows_when_it_was_answered_by_stripes_clock(
        self, sessions: Sessions, stripe_side: SimulatedStripe
    ) -> None:
        reply = execute_call(sessions.intend("list"))
        answered_at = parsedate_to_datetime(reply.attempts[-1].date)
        assert abs(timezone.now() - answered_at) < timedelta(seconds=10)

    def test_holds_no_key_in_the_log(self, sessions: Sessions, stripe_side: SimulatedStripe) -> None:
        sessions.read("list")
        recorded = str([one.event.data for one in read_stream(StripeCall.objects.get().stream)])
        assert settings.STRIPE_ACCOUNTS["default"].secret_key not in recorded


class TestTheSweeper:
    def test_leaves_alone_what_may_still_be_under_way(self, sessions: Sessions, stripe_side: SimulatedStripe) -> None:
        sessions.intend("list")
        assert sweep_open_calls() == 0

    def test_gives_up_a_read_that_was_never_answered(self, sessions: Sessions, stripe_side: SimulatedStripe) -> None:
        sessions.intend("list")
        with freeze_time(timedelta(seconds=31) + StripeCall.objects.get().requested_at):  # type: ignore[operator]
            assert sweep_open_calls() == 1
        assert StripeCall.objects.get().state == CallState.FAILED
        assert stripe_side.requests_of("GET", "/v1/checkout/sessions") == []

    def test_finds_that_a_session_to_expire_has_been_expired(
        self, sessions: Sessions, stripe_side: SimulatedStripe, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("billing.gateway.calls.completions", {})
        session_id = made_by(execute_call(intend(sessions)))
        call = sessions.intend("expire", target=session_id)
        execute_call(sessions.intend("expire", target=session_id))
        with freeze_time(timedelta(hours=24) + StripeCall.objects.get(pk=call.pk).requested_at):  # type: ignore[operator]
            sweep_open_calls()
        assert StripeCall.objects.get(pk=call.pk).state == CallState.SUCCEEDED

    def test_gives_up_a_call_whose_object_stripe_does_not_have(
        self, sessions: Sessions, stripe_side: SimulatedStripe
    ) -> None:
        call = sessions.intend("expire", target="cs_test_gone")
        with freeze_time(timedelta(hours=24) + StripeCall.objects.get(pk=call.pk).requested_at):  # type: ignore[operator]
            assert find_out(call).outcome == StripeCallFailed(reason="not_carried_out")

    def test_leaves_the_calls_of_an_account_that_is_gone(
        self, sessions: Sessions, stripe_side: SimulatedStripe, settings: Any
    ) -> None:
        kept, listing = sessions.intend("create"), sessions.intend("list")
        settings.STRIPE_ACCOUNTS = {}
        assert sweep_open_calls(older_than=timedelta()) == 1
        assert StripeCall.objects.get(pk=listing.pk).state == CallState.FAILED, "a read needs no account to have failed"
        kept.refresh_from_db()
        assert (kept.state, kept.attempts) == (CallState.REQUESTED, 0)

    def test_is_told_apart_by_a_command(self, sessions: Sessions, stripe_side: SimulatedStripe) -> None:
        sessions.intend("list")
        out = StringIO()
        call_command("stripe_calls", "--open", stdout=out)
        assert out.getvalue().count("\n") == 1
        assert '"operation": "checkout.sessions.list"' in out.getvalue()


def failure(status: int | None, code: str = "", error_type: str = "api_error") -> stripe.StripeError:
    body = {"error": {"code": code or None, "type": error_type}}
    error = stripe.StripeError("message", http_status=status, json_body=body)
    error.code = code or None
    return error


def attempt(status: int | None, *, replayed: bool = False) -> Attempt:
    return Attempt(http_status=status, request_id="", replayed=replayed, milliseconds=1)


@pytest.mark.parametrize(
    ("error", "replayed", "outcome"),
    [
        (failure(None), False, StripeCallUnknown(reason="no_answer")),
        (failure(500), False, StripeCallUnknown(reason="server_error")),
        (failure(503), True, StripeCallUnknown(reason="server_error_replayed")),
        (failure(409, "idempotency_key_in_use"), False, StripeCallUnknown(reason="idempotency_key_in_use")),
        (failure(200), False, StripeCallUnknown(reason="server_error")),
        (failure(429, "rate_limit"), False, StripeCallUnknown(reason="rate_limit")),
        (failure(402, "card_declined"), False, StripeCallFailed(reason="card_declined")),
        (failure(400, "", "idempotency_error"), False, StripeCallUnknown(reason="idempotency_error")),
        (failure(401, "", "invalid_request_error"), False, StripeCallUnknown(reason="invalid_request_error")),
        (failure(400, "parameter_missing"), False, StripeCallFailed(reason="parameter_missing")),
    ],
)
def test_only_what_stripe_certainly_did_not_do_has_failed(
    error: stripe.StripeError, replayed: bool, outcome: object
) -> None:
    assert judge_error(error, [attempt(error.http_status, replayed=replayed)]) == outcome


@pytest.mark.parametrize(
    ("status", "reason"), [(None, NO_ANSWER), (401, KEY_REFUSED), (403, NOT_PERMITTED), (404, "api_error")]
)
def test_a_read_that_is_not_answered_has_failed_and_so_has_one_with_a_key_that_is_refused(
    status: int | None, reason: str
) -> None:
    assert judge_read_error(failure(status), [attempt(status)]) == StripeCallFailed(reason=reason)


@pytest.mark.parametrize(
    ("operation", "error", "outcome"),
    [
        ("coupons.delete", failure(404, "resource_missing"), StripeCallSucceeded(object_id="gone")),
        ("coupons.delete", failure(500), StripeCallUnknown(reason="server_error")),
        ("coupons.delete", failure(400, "parameter_unknown"), StripeCallFailed(reason="parameter_unknown")),
        ("coupons.update", failure(404, "resource_missing"), StripeCallFailed(reason="resource_missing")),
        ("coupons.retrieve", failure(500), StripeCallFailed(reason="no_answer")),
    ],
)
def test_to_delete_what_is_gone_is_to_have_succeeded(
    operation: str, error: stripe.StripeError, outcome: object
) -> None:
    assert judge(operations[operation], "gone", error, [attempt(error.http_status)]) == outcome


def test_every_operation_has_a_name_that_stands_in_the_log() -> None:
    assert sorted(operations) == [
        "accounts.retrieve",
        "balance_transactions.list",
        "balance_transactions.retrieve",
        "charges.retrieve",
        "checkout.sessions.create",
        "checkout.sessions.expire",
        "checkout.sessions.list",
        "checkout.sessions.list_line_items",
        "checkout.sessions.retrieve",
        "coupons.create",
        "coupons.delete",
        "coupons.list",
        "coupons.retrieve",
        "coupons.update",
        "disputes.retrieve",
        "events.list",
        "payment_intents.cancel",
        "payment_intents.create",
        "payment_intents.list",
        "payment_intents.retrieve",
        "payouts.list",
        "payouts.retrieve",
        "refunds.create",
        "refunds.list",
        "refunds.retrieve",
        "tax_rates.create",
        "tax_rates.list",
        "tax_rates.retrieve",
        "tax_rates.update",
        "webhook_endpoints.list",
    ]


def test_success_names_the_object(stripe_side: SimulatedStripe, sessions: Sessions) -> None:
    call = intend(sessions)
    reply = send_call(call)
    assert reply.outcome == StripeCallSucceeded(object_id=made_by(reply))
