"""Lists of what staff did ask for the names of all who did it once."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from orders.models import StaffNote
from webhooks.models import HandlingRequest

pytestmark = pytest.mark.django_db

AT = datetime(2026, 11, 25, tzinfo=UTC)


def note(person: User) -> None:
    StaffNote.objects.create(id=uuid4(), order_id=1, text="x", salt=b"", author_id=person.pk, added_at=AT)


def handling(person: User) -> None:
    asked_by = f"staff:{person.pk}"
    HandlingRequest.objects.create(
        id=uuid4(), account="default", event_id="evt_1", type="t", state="failed", asked_by=asked_by, asked_at=AT
    )


@pytest.mark.parametrize(
    ("address", "add"),
    [("/admin/orders/staffnote/", note), ("/admin/webhooks/handlingrequest/", handling)],
)
def test_the_list_asks_no_more_for_many_than_for_few(admin_client: Client, address: str, add: Any) -> None:
    def page() -> tuple[str, int]:
        with CaptureQueriesContext(connection) as captured:
            text = admin_client.get(address).content.decode()
        return text, len(captured)

    add(User.objects.create_user("person-0"))
    page()  # what is kept of a first request
    _, before = page()
    for number in range(1, 6):
        add(User.objects.create_user(f"person-{number}"))
    text, queries = page()
    assert queries == before
    assert all(f"person-{number}" in text for number in range(6))
