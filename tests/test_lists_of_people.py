"""Lists that name people ask for all of a page's names at once."""

from collections.abc import Callable
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.db.models import Model
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from core.tests.streams import draft_order
from orders.models import Item, RefundApproval, StaffNote
from webhooks.models import HandlingRequest

pytestmark = pytest.mark.django_db


def approval(order: int, asker: int) -> Model:
    return RefundApproval(
        id=str(uuid4()), order_id=order, amount=1, currency="usd", asked_by=f"staff:{asker}", asked_at=timezone.now()
    )


def note(order: int, author: int) -> Model:
    return StaffNote(id=uuid4(), order_id=order, text="x", salt=b"", author_id=author, added_at=timezone.now())


def handling(order: int, asker: int) -> Model:
    return HandlingRequest(id=uuid4(), order_id=order, asked_by=f"staff:{asker}", asked_at=timezone.now())


@pytest.mark.parametrize(
    ("path", "row"),
    [("orders/refundapproval", approval), ("orders/staffnote", note), ("webhooks/handlingrequest", handling)],
)
def test_one_query_finds_all_names(
    admin_client: Client, mug: Item, path: str, row: Callable[[int, int], Model]
) -> None:
    order = draft_order(mug).root.pk

    def page_with(*names: str) -> tuple[str, int]:
        for name in names:
            row(order, User.objects.create(username=name).pk).save()
        with CaptureQueriesContext(connection) as captured:
            page = admin_client.get(f"/admin/{path}/").content.decode()
        return page, len(captured)

    page_with("olga")  # what is asked once for each process
    _page, few = page_with()
    others = [f"person{number}" for number in range(20)]
    page, many = page_with(*others)
    assert many == few
    assert all(name in page for name in ["olga", *others])
