"""Deliveries over real HTTP: many at once, malformed ones, and one that comes while the database is away."""

import json
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from urllib.parse import urlsplit

import psycopg
import pytest
import requests
from psycopg import sql

from tests.shop import Row, Shop, Shopper, wait_for
from tests.simulated import SECRETS, TIMEOUT, signed

TOLERANCE_SECONDS = 300
CAP_BYTES = 512 * 1024


@pytest.fixture
def order_id(shop: Shop, shopper: Shopper) -> int:
    """An order that is paid at Stripe, which has not told us."""
    shop.stripe.order_fault("webhook_drop", match="*", times=0)
    bought = shopper.buy()
    shop.stripe.pay(bought["url"])
    number: int = bought["order_id"]
    return number


@pytest.fixture
def payload(shop: Shop, order_id: int) -> bytes:
    """The delivery that would tell us."""
    event = shop.stripe.event("checkout.session.completed")
    assert event["data"]["object"]["client_reference_id"] == str(order_id)
    return json.dumps(event).encode()


def deliveries(shop: Shop, payload: bytes) -> list[Row]:
    return shop.sql("SELECT * FROM webhooks_delivery WHERE event_id = %s", json.loads(payload)["id"])


class TestTheSameDeliveryFiftyTimesAtOnce:
    def test_is_one_payment(self, shop: Shop, shopper: Shopper, order_id: int, payload: bytes) -> None:
        signature = signed(payload)
        with ThreadPoolExecutor(8) as clients:
            answers = list(clients.map(lambda _: shop.post_delivery(payload, signature), range(50)))
        assert [answer.status_code for answer in answers] == [200] * 50
        [delivery] = deliveries(shop, payload)
        assert delivery["attempts"] == 1
        effect = shop.sql("SELECT kind FROM core_event WHERE cause = %s ORDER BY position", delivery["event_id"])
        kinds = [event["kind"] for event in effect]
        assert kinds == ["order.checkout_closed", "order.payment_updated", "order.paid"]
        assert shopper.read(f"/order/{order_id}")["received"] == 1850
        assert shop.findings("replay", "--check") == (0, [])
        assert shop.findings("audit", "verify") == (0, [])


class TestRefused:
    @pytest.mark.parametrize("account", ["default", "euro"])
    def test_for_a_signature_of_another_account(self, shop: Shop, payload: bytes, account: str) -> None:
        other = {"default": "euro", "euro": "default"}[account]
        assert shop.post_delivery(payload, signed(payload, SECRETS[other]), account).status_code == 400
        assert deliveries(shop, payload) == []

    def test_for_a_signature_that_is_too_old(self, shop: Shop, payload: bytes) -> None:
        old = signed(payload, timestamp=int(time.time()) - TOLERANCE_SECONDS - 5)
        assert shop.post_delivery(payload, old).status_code == 400
        assert deliveries(shop, payload) == []

    def test_for_want_of_a_signature(self, shop: Shop, payload: bytes) -> None:
        answer = requests.post(f"{shop.url}/webhooks/stripe/", payload, timeout=TIMEOUT)
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "signature_refused")
        assert deliveries(shop, payload) == []

    def test_for_its_size(self, shop: Shop, payload: bytes) -> None:
        padded = payload + b" " * (CAP_BYTES + 1 - len(payload))
        answer = shop.post_delivery(padded)
        assert (answer.status_code, answer.json()["error"]["code"]) == (413, "payload_too_large")
        assert deliveries(shop, payload) == []

    def test_but_not_at_the_very_cap(self, shop: Shop, payload: bytes) -> None:
        assert shop.post_delivery(payload + b" " * (CAP_BYTES - len(payload))).status_code == 200


class TestWhileTheDatabaseIsAway:
    def test_the_answer_is_503_and_the_retry_succeeds(self, shop: Shop, shopper: Shopper) -> None:
        bought = shopper.buy()
        with database_away(shop):
            shop.stripe.pay(bought["url"])
            wait_for(lambda: 503 in statuses(shop, bought["session_id"]))
            assert requests.get(f"{shop.url}/healthz", timeout=TIMEOUT).status_code == 200
            assert requests.get(f"{shop.url}/readyz", timeout=TIMEOUT).status_code == 503
        wait_for(lambda: statuses(shop, bought["session_id"])[-1] == 200)
        assert shopper.read(f"/order/{bought['order_id']}")["state"] == "paid"


@contextmanager
def database_away(shop: Shop) -> Iterator[None]:
    """Nobody is connected, and nobody can connect."""
    name = urlsplit(shop.database_url).path.removeprefix("/")
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        admit = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
        connection.execute(admit.format(sql.Identifier(name), sql.Literal(False)))
        try:
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
            yield
        finally:
            connection.execute(admit.format(sql.Identifier(name), sql.Literal(True)))
            shop.restart_worker()


def statuses(shop: Shop, session_id: str) -> list[int | None]:
    """What Stripe was answered when it told us that the session is complete, oldest first."""
    session = [event for event in shop.stripe.objects("event") if event["data"]["object"]["id"] == session_id]
    [attempts] = [one["attempts"] for one in shop.told() if one["event"] in {event["id"] for event in session}]
    return [attempt["status"] for attempt in attempts]
