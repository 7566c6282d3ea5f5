"""Many orders at once."""

from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.test import Client

from core.bulk import carry_out
from core.models import BulkRun, Event
from core.tests.streams import draft_order
from orders.models import Item, Order
from orders.tests.shopping import buy, deliver_all
from orders.tests.staff import VIEW, person
from tests.simulated import SimulatedStripe

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def paid(shopper: Client, mug: Item, stripe_side: SimulatedStripe) -> Order:
    stripe_side.pay(buy(shopper, mug)["url"])
    deliver_all(shopper, stripe_side)
    return Order.objects.get()


class TestCancelingMany:
    def test_asks_first_and_is_then_done_order_by_order(
        self, admin_client: Client, admin_user: User, mug: Item, paid: Order
    ) -> None:
        draft = draft_order(mug).root
        chosen = {"action": "orders.cancel", "_selected_action": [draft.pk, paid.pk]}
        page = admin_client.post("/admin/orders/order/", chosen)
        assert "2 orders will be canceled for good" in page.content.decode()
        form = {name: page.context[name] for name in ("keys", "run")} | {"action": "orders.cancel"}
        for _ in range(2):
            admin_client.post("/admin/orders/order/bulk/", form)
        run = BulkRun.objects.get()
        for _ in range(2):
            carry_out(run.pk)
        assert list(run.items.order_by("key").values_list("state", "reason")) == [
            ("refused", "This order can't be canceled: it is paid."),
            ("done", ""),
        ]
        assert Event.objects.get(kind="order.canceled").actor == f"staff:{admin_user.pk}"

    def test_is_not_ordered_by_who_may_only_look(self, mug: Item) -> None:
        viewer, order = person("vera", *VIEW), draft_order(mug).root
        form = {"action": "orders.cancel", "keys": str(order.pk), "run": str(uuid4())}
        assert viewer.post("/admin/orders/order/bulk/", form).status_code == 403
        assert not BulkRun.objects.exists()
        assert "orders.cancel" not in viewer.get("/admin/orders/order/").content.decode()
