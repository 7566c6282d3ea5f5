"""The order page tells the truth, also when it reads while a delivery is being handled."""

from typing import Any

import pytest
from django.utils import timezone

from core.tests.streams import draft_order
from orders.models import Item, Order, Payment
from orders.representations import CONFIRMING, FAILED, PROCESSING, UNCLEAR, UNPAID, Status, status_of

pytestmark = pytest.mark.django_db


def pending(item: Item, attention: list[str], *statuses: str) -> Order:
    """Rows as two queries may find them: the order before a delivery, its payments after it."""
    order = draft_order(item).root
    Order.objects.filter(pk=order.pk).update(state="pending", attention=attention)
    for number, status in enumerate(statuses):
        fields: dict[str, Any] = {"source": "charge", "source_id": f"ch_{number}", "amount": 1, "currency": "usd"}
        Payment.objects.create(
            id=f"{order.pk}-{number}",
            order=order,
            payment_intent=f"pi_{number}",
            status=status,
            account="default",
            livemode=False,
            updated_at=timezone.now(),
            **fields,
        )
    return Order.objects.get(pk=order.pk)


@pytest.mark.parametrize(
    ("attention", "statuses", "returned", "told"),
    [
        ([], [], False, UNPAID),
        ([], [], True, CONFIRMING),
        ([], ["processing"], False, PROCESSING),
        ([], ["failed"], False, FAILED),
        ([], ["succeeded"], False, CONFIRMING),
        (["underpaid"], ["succeeded"], False, UNCLEAR),
        (["uncounted"], ["succeeded"], True, UNCLEAR),
    ],
)
def test_what_a_waiting_order_says(
    mug: Item, attention: list[str], statuses: list[str], returned: bool, told: Status
) -> None:
    assert status_of(pending(mug, attention, *statuses), returned=returned) == told
