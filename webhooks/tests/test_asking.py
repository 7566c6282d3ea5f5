"""A person wants a delivery handled again."""

from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from core.bulk import carry_out
from core.eventlog.replay import check_rows
from core.models import BulkRun, Event
from orders.models import Item, Order
from orders.tests.shopping import buy
from orders.tests.staff import OPERATE, VIEW, actor, person
from tests.simulated import SimulatedStripe, post_event
from webhooks.models import Delivery, HandlingRequest, PaymentLink
from webhooks.readers import READERS

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def operator() -> Client:
    return person("olga", *OPERATE, "view_delivery", "view_handlingrequest")


@pytest.fixture
def failed(shopper: Client, mug: Item, stripe_side: SimulatedStripe) -> Delivery:
    """Its handler failed, for a reason that is gone now."""
    stripe_side.pay(buy(shopper, mug)["url"])
    event = stripe_side.event("checkout.session.completed")
    reader = READERS.pop(event["type"])
    READERS[event["type"]] = lambda _origin, _object: (1 / 0,)  # type: ignore[assignment,return-value]
    post_event(shopper, event)
    READERS[event["type"]] = reader
    return Delivery.objects.get()


def handle(client: Client, delivery: Delivery, request_id: str = "") -> Any:
    form = {"request": request_id or str(uuid4())}
    return client.post(f"/admin/webhooks/delivery/{delivery.pk}/handle/", form, follow=True)


def messages_of(page: Any) -> list[str]:
    return [str(message) for message in page.context["messages"]]


class TestAFailedDelivery:
    def test_is_handled_by_who_asks_for_it_once(self, operator: Client, failed: Delivery) -> None:
        assert failed.state == "failed"
        asked = operator.get(f"/admin/webhooks/delivery/{failed.pk}/handle/").content.decode()
        assert "is handled as if Stripe had posted it once more" in asked
        request_id = str(uuid4())
        for _ in range(2):
            assert messages_of(handle(operator, failed, request_id)) == ["The delivery is handled."]
        assert Order.objects.get().state == "paid"
        told = Event.objects.get(kind="delivery.handling_requested")
        assert (told.actor, told.data["state"]) == (actor("olga"), "failed")
        assert list(check_rows()) == []

    def test_tells_in_its_orders_story_who_asked(self, operator: Client, failed: Delivery) -> None:
        Delivery.objects.update(order_id=Order.objects.get().pk)
        handle(operator, failed)
        rows = operator.get(f"/admin/orders/order/{Order.objects.get().pk}/change/").context["timeline"]
        [told] = [row for row in rows if row.kind == "delivery.handling_requested"]
        assert (told.actor, told.sentence) == ("Olga", "checkout.session.completed was to be handled again")

    def test_that_is_done_is_not_handled_again(self, operator: Client, failed: Delivery) -> None:
        handle(operator, failed)
        said = "This delivery can't be handled again: it is handled."
        assert messages_of(handle(operator, failed)) == [said]
        page = operator.get(f"/admin/webhooks/delivery/{failed.pk}/change/").content.decode()
        assert "can&#x27;t be handled again: it is handled" in page

    def test_is_left_alone_by_who_may_only_look(self, failed: Delivery) -> None:
        assert handle(person("vera", *VIEW, "view_delivery"), failed).status_code == 403
        assert Delivery.objects.get().state == "failed"

    def test_of_a_broken_form_is_left_alone(self, operator: Client, failed: Delivery) -> None:
        assert messages_of(handle(operator, failed, "x")) == ["The form was broken: nothing was done."]
        assert not HandlingRequest.objects.exists()

    def test_is_handled_with_many_others(self, operator: Client, failed: Delivery) -> None:
        chosen = {"action": "webhooks.handle_again", "_selected_action": [failed.pk]}
        page = operator.post("/admin/webhooks/delivery/", chosen)
        assert "1 delivery will be handled again" in page.content.decode()
        form = {name: page.context[name] for name in ("keys", "run")} | {"action": "webhooks.handle_again"}
        for _ in range(2):
            answer = operator.post("/admin/webhooks/delivery/bulk/", form)
        run = BulkRun.objects.get()
        assert answer["Location"] == f"/admin/core/bulkrun/{run.pk}/change/"
        for _ in range(2):
            carry_out(run.pk)
        assert [item.state for item in run.items.all()] == ["done"]
        assert Delivery.objects.get().state == "handled"
        assert Event.objects.get(kind="delivery.handling_requested").actor == actor("olga")


class TestAWaitingDelivery:
    def test_waits_on_until_its_payment_is_known(
        self, operator: Client, shopper: Client, mug: Item, stripe_side: SimulatedStripe
    ) -> None:
        stripe_side.pay(buy(shopper, mug)["url"])
        charge = stripe_side.objects("charge")[-1]
        stripe_side.refund(charge["id"])
        post_event(shopper, stripe_side.event("refund.created"))
        waiting = Delivery.objects.get()
        assert messages_of(handle(operator, waiting)) == ["The delivery is waiting for its payment to be known."]
        PaymentLink.objects.update(order_id=Order.objects.get().pk)
        reader = READERS["refund.created"]
        READERS["refund.created"] = lambda _origin, _object: (1 / 0,)  # type: ignore[assignment,return-value]
        handle(operator, waiting)
        READERS["refund.created"] = reader
        assert Delivery.objects.get().link == PaymentLink.objects.get()
        assert messages_of(handle(operator, waiting)) == ["The delivery is handled."]
        assert Order.objects.get().refunds.get().amount == 1850
