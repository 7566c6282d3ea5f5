"""Payloads are emptied some time after they were handled; what is still to be handled keeps its own."""

from datetime import timedelta
from threading import Barrier, Thread
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone
from freezegun import freeze_time

from core.eventlog.replay import check_rows
from orders.models import Item, Order
from orders.tests.shopping import buy, deliver_all
from tests.simulated import SimulatedStripe, post_event
from webhooks import purging
from webhooks.asking import DeliveryIsDone, ask_for_handling
from webhooks.models import Delivery, DeliveryState
from webhooks.purging import purge_payloads

pytestmark = pytest.mark.django_db(transaction=True)
DONE = [DeliveryState.HANDLED, DeliveryState.IGNORED]


def delivery(number: int, *, state: str, days: float) -> Delivery:
    at = timezone.now() - timedelta(days=days)
    return Delivery.objects.create(
        account="default",
        event_id=f"evt_{number}",
        type="charge.succeeded",
        livemode=False,
        payload=b'{"id": "evt"}',
        state=state,
        received_at=at,
        handled_at=at,
    )


class TestThePurge:
    def test_empties_what_was_done_with_ninety_days_ago(self) -> None:
        rows = {
            (state, days): delivery(number, state=state, days=days)
            for number, (state, days) in enumerate((state, days) for state in DeliveryState.values for days in (89, 91))
        }
        assert purge_payloads() == 2
        for (state, days), row in rows.items():
            row.refresh_from_db()
            is_purged = days == 91 and state in DONE
            assert bytes(row.payload) == (b"" if is_purged else b'{"id": "evt"}')
            assert (row.purged_at is not None) is is_purged
        assert purge_payloads() == 0

    def test_goes_by_the_setting(self, settings: Any) -> None:
        settings.WEBHOOK_PAYLOAD_DAYS = 7
        delivery(1, state="handled", days=8)
        assert purge_payloads() == 1

    def test_takes_any_number_batch_by_batch(self, settings: Any, monkeypatch: Any) -> None:
        monkeypatch.setattr(purging, "AT_ONCE", 3)
        for number in range(10):
            delivery(number, state="handled", days=100 + number % 2)
        assert purge_payloads() == 10

    def test_may_run_twice_at_once(self, monkeypatch: Any) -> None:
        monkeypatch.setattr(purging, "AT_ONCE", 2)
        for number in range(20):
            delivery(number, state="handled", days=100)
        together, purged = Barrier(2), list[int]()

        def run() -> None:
            together.wait()
            purged.append(purge_payloads())
            connection.close()

        threads = [Thread(target=run) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        # What one left since the other had locked it is found by the next run.
        purged.append(purge_payloads())
        assert sum(purged) == 20
        assert not Delivery.objects.exclude(payload=b"").exists()

    def test_finds_its_rows_by_an_index_of_what_is_left(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET enable_seqscan = off; SET enable_bitmapscan = off; SET enable_sort = off")
            cursor.execute(
                "EXPLAIN SELECT id FROM webhooks_delivery WHERE state IN ('handled', 'ignored') AND purged_at IS NULL"
                " AND handled_at >= '2000-01-01' AND handled_at < now() ORDER BY handled_at LIMIT 1000"
            )
            plan = str(cursor.fetchall())
            cursor.execute("RESET enable_seqscan; RESET enable_bitmapscan; RESET enable_sort")
        assert "webhooks_delivery_full" in plan
        assert "Sort" not in plan


class TestAPurgedDelivery:
    @pytest.fixture
    def purged(self, shopper: Client, mug: Item, stripe_side: SimulatedStripe) -> Delivery:
        stripe_side.pay(buy(shopper, mug)["url"])
        deliver_all(shopper, stripe_side)
        with freeze_time(timezone.now() + timedelta(days=91)):
            assert purge_payloads() == Delivery.objects.count()
        return Delivery.objects.get(type="checkout.session.completed")

    def test_says_so_in_the_admin(self, purged: Delivery, admin_client: Client) -> None:
        page = admin_client.get(f"/admin/webhooks/delivery/{purged.pk}/change/").content.decode()
        assert "Purged 90 days after it was handled" in page
        order = admin_client.get(f"/admin/orders/order/{purged.order_id}/change/").content.decode()
        assert "Stripe delivered checkout.session.completed" in order

    def test_that_is_posted_again_is_known(
        self, purged: Delivery, client: Client, stripe_side: SimulatedStripe
    ) -> None:
        before = Order.objects.get().stream_version
        answer = post_event(client, stripe_side.event(purged.type))
        assert (answer.status_code, answer.json()["state"]) == (200, "handled")
        assert bytes(Delivery.objects.get(pk=purged.pk).payload) == b""
        assert Order.objects.get().stream_version == before
        assert [*check_rows()] == []

    def test_is_done_with(self, purged: Delivery) -> None:
        with pytest.raises(DeliveryIsDone):
            ask_for_handling(delivery_id=purged.pk, request_id="6f1c6a2e-3f0e-4c55-9f0b-0f4a3c1d2e3f")  # type: ignore[arg-type]
