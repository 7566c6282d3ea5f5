"""Log lines carry the ids of what they are about, from the edge on, and nothing that names a person or opens a door."""

import asyncio
import json
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
import structlog
from django.db import connection
from django.test import Client
from procrastinate import JobContext
from procrastinate.worker import Worker

from billing.models import StripeCall
from billing.services import sweep_open_calls
from core.logging import as_json, id_in
from core.worker import observe_job
from orders.links import order_url
from orders.models import Item, Order
from orders.tests.shopping import buy
from tests.simulated import SimulatedStripe, post_event

pytestmark = pytest.mark.django_db(transaction=True)

type Line = dict[str, Any]
REQUEST_ID = "a-request-of-ours"


class Log:
    """What was written of our own, as in production: the same processors, rendered as JSON."""

    def __init__(self) -> None:
        self.lines: list[Line] = []

    def write(self, _logger: object, _method: str, event: MutableMapping[str, Any]) -> Any:
        self.lines.append(json.loads(as_json(event)))
        raise structlog.DropEvent

    def only(self, event: str) -> Line:
        [line] = [line for line in self.lines if line["event"] == event]
        return line


@contextmanager
def log_as_json() -> Iterator[Log]:
    log, processors = Log(), structlog.get_config()["processors"]
    renderer = processors[-1]
    processors[-1] = log.write  # in the list itself, which loggers that were used before keep
    try:
        yield log
    finally:
        processors[-1] = renderer


@pytest.fixture
def browser(client: Client, mug: Item) -> Client:
    client.get(f"/item/{mug.pk}")
    client.defaults["HTTP_X_REQUEST_ID"] = REQUEST_ID
    return client


def test_of_a_purchase_name_the_request_the_order_and_the_call(
    browser: Client, mug: Item, stripe_side: SimulatedStripe
) -> None:
    with log_as_json() as log:
        bought = buy(browser, mug)
    call = StripeCall.objects.get()
    sent, ended = log.only("stripe_call.sent"), log.only("http.request")
    assert {"request_id": REQUEST_ID, "order_id": bought["order_id"]}.items() <= ended.items()
    assert (
        sent.items()
        >= {
            "request_id": REQUEST_ID,
            "order_id": bought["order_id"],
            "call_id": str(call.pk),
            "actor": "shopper",
            "operation": "checkout.sessions.create",
            "outcome": "succeeded",
        }.items()
    )
    assert sent["stripe_request_id"].startswith("req_")


def test_of_a_delivery_name_stripes_event_and_the_order(
    browser: Client, mug: Item, stripe_side: SimulatedStripe
) -> None:
    bought = buy(browser, mug)
    stripe_side.pay(bought["url"])
    event = stripe_side.event("checkout.session.completed")
    with log_as_json() as log:
        assert post_event(browser, event).status_code == 200
    ids = {"request_id": REQUEST_ID, "event_id": event["id"]}
    assert (
        log.only("delivery.handled").items()
        >= {
            **ids,
            "order_id": bought["order_id"],
            "actor": "stripe:default",
        }.items()
    )
    assert log.only("http.request").items() >= ids.items()


def test_of_a_request_name_nothing_of_the_one_before(browser: Client, mug: Item, stripe_side: SimulatedStripe) -> None:
    with log_as_json() as log:
        buy(browser, mug)
        browser.get("/basket")
    last = log.lines[-1]
    assert (last["event"], last["path"]) == ("http.request", "/basket")
    assert not {"order_id", "call_id", "event_id", "actor"} & set(last)


def test_of_a_job_name_it_and_the_call_that_it_settles(
    browser: Client, mug: Item, stripe_side: SimulatedStripe
) -> None:
    stripe_side.order_fault("drop", "POST /v1/checkout/sessions")
    browser.get(f"/buy/{mug.pk}")
    job = cast("JobContext", SimpleNamespace(job=SimpleNamespace(id=7, task_name="billing.sweep_open_calls")))
    with log_as_json() as log:
        asyncio.run(observe_job(lambda: asyncio.to_thread(sweep), job, cast("Worker", None)))
    ids = {"job_id": 7, "task": "billing.sweep_open_calls", "actor": "system:sweeper"}
    call, order = StripeCall.objects.get(), Order.objects.get()
    for event in ("stripe_call.sent", "stripe_call.resolved"):
        assert log.only(event).items() >= {**ids, "call_id": str(call.pk), "order_id": order.pk}.items()


def sweep() -> None:
    try:
        sweep_open_calls(older_than=timedelta())
    finally:
        connection.close()


def test_hold_no_address_no_secret_and_no_query_string(
    browser: Client, mug: Item, stripe_side: SimulatedStripe
) -> None:
    with log_as_json() as log:
        bought = buy(browser, mug)
        stripe_side.pay(bought["url"], email="ann@shop.example")
        for event in stripe_side.objects("event"):
            post_event(browser, event)
        page = order_url(Order.objects.get())
        token = page.partition("token=")[2]
        assert Client().get(page).status_code == 200
        post_event(browser, stripe_side.objects("event")[0], secret="whsec_wrong")
    told = json.dumps(log.lines)
    assert len(log.lines) > 8
    assert token
    for unspeakable in ("ann@shop.example", token, "token=", "sk_test_", "whsec_", "_secret_", "4242", "Bearer"):
        assert unspeakable not in told


@pytest.mark.parametrize(
    ("stream", "ids"),
    [
        ("order-42", {"order_id": 42}),
        ("delivery-handling-0f", {"delivery_handling_id": "0f"}),
        ("", {}),
    ],
)
def test_a_stream_is_an_id_in_a_line(stream: str, ids: Line) -> None:
    assert id_in(stream) == ids
