"""/metrics: who may read it, what it says of what happened, and that it says something whatever is broken."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from http import HTTPStatus
from types import SimpleNamespace
from typing import Any, cast

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone
from freezegun import freeze_time
from procrastinate import JobContext
from procrastinate.contrib.django import app
from procrastinate.worker import Worker
from prometheus_client.core import Metric

from billing.gateway.errors import StripeUnreachable
from billing.models import CounterpartState, Coupon, DiscountMirror, StripeCall
from billing.tests.mirrors import empty_queue
from core.configuration import AuditKey
from core.eventlog import following
from core.eventlog.checkpoints import make_checkpoint
from core.exposition import STATEMENT_MILLISECONDS, gauge, of_processes, readings
from core.tests.streams import draft_order
from core.worker import observe_job
from orders.models import Item, Mail, MailKind
from orders.states import states
from orders.tests.shopping import buy, deliver_all
from tests.exposed import sample, series_names
from tests.simulated import Event, SimulatedStripe, post_event
from webhooks.backfill import backfill_all
from webhooks.models import Delivery, DeliveryState

TOKEN = "for-prometheus-alone"


@pytest.fixture(autouse=True)
def token(settings: Any) -> None:
    settings.METRICS_TOKEN = TOKEN


@pytest.fixture
def queue(transactional_db: None) -> Iterator[None]:
    """Procrastinate's tables are not Django's: no flush empties them."""
    empty_queue()
    yield
    empty_queue()


@pytest.fixture
def browser(client: Client, mug: Item) -> Client:
    client.get(f"/item/{mug.pk}")
    return client


def scrape() -> str:
    answer = Client().get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == HTTPStatus.OK
    return answer.content.decode()


class TestWhoMayRead:
    @pytest.mark.parametrize("header", ["", "Bearer", f"Bearer {TOKEN}x", f"Basic {TOKEN}", TOKEN, "Bearer \xe9"])
    def test_is_nobody_without_the_token(self, client: Client, header: str) -> None:
        answer = client.get("/metrics", headers={"Authorization": header})
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "forbidden")

    def test_is_nobody_at_all_where_none_is_set(self, client: Client, settings: Any) -> None:
        settings.METRICS_TOKEN = ""
        assert client.get("/metrics", headers={"Authorization": "Bearer "}).status_code == HTTPStatus.NOT_FOUND

    @pytest.mark.django_db
    def test_is_prometheus_in_plain_http_from_inside(self, client: Client, settings: Any) -> None:
        settings.SECURE_SSL_REDIRECT = True
        answer = client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
        assert (answer.status_code, answer["Content-Type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
        assert "no-store" in answer["Cache-Control"]


@pytest.mark.django_db(transaction=True)
class TestAPurchase:
    def test_is_counted_and_timed_on_every_step_of_its_way(
        self, browser: Client, mug: Item, stripe_side: SimulatedStripe
    ) -> None:
        before = scrape()
        bought = buy(browser, mug)
        stripe_side.pay(bought["url"])
        deliver_all(browser, stripe_side)
        following.follow(states)
        after = scrape()
        for name, labels in (
            ("checkout_seconds_count", {"way": "session", "outcome": "opened"}),
            ("stripe_call_seconds_count", {"operation": "checkout.sessions.create", "outcome": "succeeded"}),
            ("deliveries_total", {"type": "checkout.session.completed", "state": "handled"}),
            ("delivery_lag_seconds_count", {"type": "checkout.session.completed"}),
            ("http_request_seconds_count", {"view": "buy", "status": "2xx"}),
            ("orders", {"state": "paid"}),
        ):
            counted = [sample(text, f"countersign_{name}", **labels) for text in (before, after)]
            assert counted[1] - counted[0] == 1, name

    def test_that_stripe_does_not_answer_is_a_call_that_is_open(
        self, browser: Client, mug: Item, stripe_side: SimulatedStripe
    ) -> None:
        before = scrape()
        stripe_side.order_fault("drop", "POST /v1/checkout/sessions")
        assert browser.get(f"/buy/{mug.pk}").status_code == StripeUnreachable.status
        StripeCall.objects.update(requested_at=timezone.now() - timedelta(minutes=9))
        after = scrape()
        assert sample(after, "countersign_open_calls") == 1
        assert 540 <= sample(after, "countersign_open_call_age_seconds") < 560
        for name, labels in (
            ("checkout_seconds_count", {"way": "session", "outcome": "unavailable"}),
            ("stripe_call_seconds_count", {"operation": "checkout.sessions.create", "outcome": "unknown"}),
        ):
            counted = [sample(text, f"countersign_{name}", **labels) for text in (before, after)]
            assert counted[1] - counted[0] == 1, name


@pytest.mark.django_db(transaction=True)
class TestADelivery:
    def test_of_a_type_that_nobody_handles_is_any_other(self, client: Client, stripe_side: SimulatedStripe) -> None:
        event: Event = {
            "id": "evt_1",
            "type": "customer.x" * 9,
            "livemode": False,
            "data": {"object": {}},
            "created": 1,
        }
        before = scrape()
        assert post_event(client, event).status_code == HTTPStatus.OK
        after = scrape()
        assert event["type"] not in after
        labels = {"type": "other", "state": "ignored"}
        counted = [sample(text, "countersign_deliveries_total", **labels) for text in (before, after)]
        assert counted[1] - counted[0] == 1

    def test_that_nobody_signed_is_counted_as_refused(self, client: Client) -> None:
        before = scrape()
        client.post("/webhooks/stripe/", b"{}", content_type="application/json")
        name, labels = "countersign_delivery_refusals_total", {"code": "signature_refused"}
        assert sample(scrape(), name, **labels) - sample(before, name, **labels) == 1

    def test_that_only_the_backfill_brought_is_counted_once_its_webhook_is_overdue(
        self, browser: Client, mug: Item, stripe_side: SimulatedStripe
    ) -> None:
        stripe_side.pay(buy(browser, mug)["url"])
        name, labels = "countersign_deliveries_backfilled_total", {"account": "default"}
        before = sample(scrape(), name, **labels)
        assert backfill_all()["default"] > 0
        assert sample(scrape(), name, **labels) == before
        Delivery.objects.all().delete()
        with freeze_time(timezone.now() + timedelta(minutes=5), tick=True):
            brought = backfill_all()["default"]
        assert sample(scrape(), name, **labels) - before == brought > 0

    @pytest.mark.parametrize("state", ["received", "failed", "waiting", "refused"])
    def test_that_is_not_handled_is_told_with_its_age(self, state: str) -> None:
        for minutes in (50, 60):
            Delivery.objects.create(
                account="default",
                event_id=f"evt_{minutes}",
                type="charge.succeeded",
                livemode=False,
                payload=b"",
                state=DeliveryState(state),
                received_at=timezone.now() - timedelta(minutes=minutes),
            )
        text = scrape()
        assert sample(text, "countersign_deliveries_unhandled", state=state) == 2
        assert 3600 <= sample(text, "countersign_delivery_unhandled_age_seconds", state=state) < 3660


@pytest.mark.django_db(transaction=True)
class TestWhatWaits:
    def test_is_told_of_the_queue_by_what_could_begin(self, queue: None) -> None:
        app.configure_task("core.test").defer()
        app.configure_task("core.test", schedule_in={"hours": 1}).defer()
        with connection.cursor() as cursor:
            cursor.execute("UPDATE procrastinate_events SET at = at - interval '10 minutes'")
        text = scrape()
        assert sample(text, "countersign_jobs", queue="default", status="todo") == 2
        assert 600 <= sample(text, "countersign_job_age_seconds") < 660

    def test_is_told_of_the_log_by_its_oldest_unread_event(self, mug: Item, settings: Any) -> None:
        settings.AUDIT_SIGNING_KEY = AuditKey(seed=bytes(32))
        draft_order(mug)
        text = scrape()
        assert sample(text, "countersign_log_follower_lag_seconds", follower="orders.states") > 0
        assert sample(text, "countersign_unsigned_event_age_seconds") > 0
        assert "countersign_checkpoint_age_seconds" not in text
        following.follow(states)
        make_checkpoint()
        text = scrape()
        assert sample(text, "countersign_log_follower_lag_seconds", follower="orders.states") == 0
        assert sample(text, "countersign_log_follower_lag_seconds", follower="finance.books") > 0
        assert sample(text, "countersign_unsigned_event_age_seconds") == 0
        assert 0 < sample(text, "countersign_checkpoint_age_seconds") < 60

    def test_is_told_of_mails_and_of_what_stripe_refused(self) -> None:
        now = timezone.now()
        for number, attempts in enumerate((0, 3, 4)):
            Mail.objects.create(
                id=f"{number}-paid", order_id=number, kind=MailKind.PAID, attempts=attempts, made_at=now, try_at=now
            )
        mirror = DiscountMirror.objects.create(pk=7, installation="test")
        Coupon.objects.create(id="7-1-default", version=1, mirror=mirror, state=CounterpartState.FAILED)
        text = scrape()
        assert sample(text, "countersign_mails_unsent", tried="untried") == 1
        assert sample(text, "countersign_mails_unsent", tried="refused") == 2
        assert sample(text, "countersign_sync_failures", kind="discount") == 1
        assert sample(text, "countersign_sync_failures", kind="tax") == 0


@pytest.mark.django_db(transaction=True)
class TestAScrape:
    def test_says_what_the_process_counted_while_the_database_is_down(self) -> None:
        Client().get("/healthz")
        with without_database():
            text = scrape()
        assert sample(text, "countersign_database_up") == 0
        assert sample(text, "countersign_reading_up", reading="orders") == 0
        assert sample(text, "countersign_http_request_seconds_count", view="core.views.healthz") > 0
        assert "countersign_open_calls" not in text
        assert sample(scrape(), "countersign_database_up") == 1

    def test_leaves_out_what_takes_too_long_and_nothing_else(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(readings, "slow", slow)
        started = time.monotonic()
        text = scrape()
        assert time.monotonic() - started < 4 * STATEMENT_MILLISECONDS / 1000
        assert sample(text, "countersign_database_up") == 1
        assert sample(text, "countersign_reading_up", reading="slow") == 0
        assert {sample(text, "countersign_reading_up", reading=name) for name in set(readings) - {"slow"}} == {1}
        assert "countersign_slow" not in text

    def test_gives_a_series_to_every_part_of_the_house(self) -> None:
        exported = series_names(scrape())
        assert {"countersign_reconciliation_exceptions", "countersign_orders_to_look_at"} <= exported
        assert {"countersign_job_seconds_bucket", "countersign_deliveries_retried_total"} <= exported


class TestAJob:
    @pytest.mark.parametrize(("fails", "outcome"), [(False, "succeeded"), (True, "failed")])
    def test_is_timed_by_how_it_ended(self, *, fails: bool, outcome: str) -> None:
        name, labels = "countersign_job_seconds_count", {"task": "core.test", "outcome": outcome}

        async def job() -> str:
            if fails:
                raise RuntimeError
            return "done"

        before = sample(of_processes().decode(), name, **labels)
        context = cast("JobContext", SimpleNamespace(job=SimpleNamespace(id=7, task_name="core.test")))
        try:
            assert asyncio.run(observe_job(job, context, cast("Worker", None))) == "done"
        except RuntimeError:
            assert fails
        assert sample(of_processes().decode(), name, **labels) - before == 1


def slow() -> Iterator[Metric]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(5)")
    yield gauge("slow", "Never.", 1)


@contextmanager
def without_database() -> Iterator[None]:
    host = connection.settings_dict["HOST"]
    connection.close()
    connection.settings_dict["HOST"] = "/nowhere"
    try:
        yield
    finally:
        connection.settings_dict["HOST"] = host
