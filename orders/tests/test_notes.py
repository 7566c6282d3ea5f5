"""Notes: on record in the log, their words beside it, where they can be erased."""

from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from core.eventlog.replay import check_rows, rebuild_rows
from core.eventlog.verify import verify_log
from core.models import Event
from core.tests.streams import draft_order
from orders.models import Item, Order, StaffNote
from orders.tests.staff import OPERATE, VIEW, actor, person

pytestmark = pytest.mark.django_db(transaction=True)
WORDS = "Called <b>Jane Roe</b>:\nshe waits for the blue one."


@pytest.fixture
def order(mug: Item) -> Order:
    return draft_order(mug).root


@pytest.fixture
def operator() -> Client:
    return person("olga", *OPERATE)


def add(client: Client, order: Order, text: str = WORDS, note: str = "") -> Any:
    form = {"note": note or str(uuid4()), "text": text}
    return client.post(f"/admin/orders/order/{order.pk}/note/", form, follow=True)


def notes_on(client: Client, order: Order) -> list[Any]:
    rows = client.get(f"/admin/orders/order/{order.pk}/change/").context["timeline"]
    return [(row.actor, row.note.text) for row in rows if row.note]


def messages_of(page: Any) -> list[str]:
    return [str(message) for message in page.context["messages"]]


class TestANote:
    def test_is_told_in_the_timeline_by_who_wrote_it(self, operator: Client, order: Order) -> None:
        page = add(operator, order).content.decode()
        assert notes_on(operator, order) == [("Olga", WORDS)]
        assert "Called &lt;b&gt;Jane Roe&lt;/b&gt;" in page
        assert Event.objects.get(kind="order.note_added").actor == actor("olga")

    def test_is_not_in_the_log(self, operator: Client, order: Order) -> None:
        add(operator, order)
        assert not [event for event in Event.objects.all() if "Jane" in str(event.data)]
        assert set(Event.objects.get(kind="order.note_added").data) == {"note", "sha256"}

    def test_that_is_sent_twice_is_added_once(self, operator: Client, order: Order) -> None:
        note = str(uuid4())
        for _ in range(2):
            assert messages_of(add(operator, order, note=note)) == ["The note was added."]
        assert len(notes_on(operator, order)) == 1

    @pytest.mark.parametrize(
        ("text", "why"), [(" \n ", "it is empty"), ("x" * 2001, "it has more than 2000 characters")]
    )
    def test_says_something_and_not_too_much(self, operator: Client, order: Order, text: str, why: str) -> None:
        assert messages_of(add(operator, order, text)) == [f"This note can't be added: {why}."]
        assert not StaffNote.objects.exists()

    def test_of_a_broken_form_is_none(self, operator: Client, order: Order) -> None:
        assert messages_of(add(operator, order, note="x")) == ["The form of the note was broken: write it again."]

    def test_is_not_added_by_who_may_only_look(self, order: Order) -> None:
        answer = person("vera", *VIEW).post(f"/admin/orders/order/{order.pk}/note/", {"note": uuid4(), "text": "x"})
        assert answer.status_code == 403
        assert not StaffNote.objects.exists()

    def test_that_was_altered_is_told_to_be(self, operator: Client, order: Order) -> None:
        add(operator, order)
        StaffNote.objects.update(text="He never called.")
        page = operator.get(f"/admin/orders/order/{order.pk}/change/").content.decode()
        assert "This is not what was written: the text was altered." in page


class TestErasing:
    def erase(self, client: Client, order: Order) -> Any:
        note = Event.objects.get(kind="order.note_added").data["note"]
        return client.post(f"/admin/orders/order/{order.pk}/note/{note}/erase/", follow=True)

    def test_leaves_that_there_was_one_and_the_log_whole(
        self, admin_client: Client, operator: Client, order: Order
    ) -> None:
        note = str(uuid4())
        add(operator, order, note=note)
        asked = admin_client.get(f"/admin/orders/order/{order.pk}/note/{note}/erase/").content.decode()
        assert "is erased for good" in asked
        for _ in range(2):
            self.erase(admin_client, order)
        assert not StaffNote.objects.exists()
        assert Event.objects.filter(kind="order.note_erased").count() == 1
        assert notes_on(operator, order) == [("Olga", "")]
        add(operator, order, note=note)
        assert notes_on(operator, order) == [("Olga", "")]
        rebuild_rows()
        assert [*check_rows(), *verify_log()] == []

    def test_needs_a_permission_of_its_own(self, operator: Client, order: Order) -> None:
        add(operator, order)
        assert self.erase(operator, order).status_code == 403
        assert StaffNote.objects.exists()

    def test_is_survived_by_notes_when_rows_are_made_anew(self, operator: Client, order: Order) -> None:
        add(operator, order)
        rebuild_rows()
        assert notes_on(operator, order) == [("Olga", WORDS)]
