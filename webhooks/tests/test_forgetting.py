"""`manage.py forget`: the person is gone from everything but the back-ups made before, and the log is whole."""

import io
import json
from collections.abc import Callable
from threading import Thread
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone

from core.eventlog import provenance
from core.eventlog.replay import check_rows, rebuild_rows
from core.eventlog.verify import verify_log
from core.models import Event
from orders.models import Contact, Item, Order, StaffNote
from orders.projections import OrderAggregate
from orders.services.notes import add_note
from orders.timeline import timeline
from tests.shop import wait_for
from tests.simulated import SimulatedStripe, post_event
from webhooks import readers
from webhooks.forgetting import Address, forget_person
from webhooks.models import Delivery, DeliveryState
from webhooks.services import retry_deliveries

pytestmark = pytest.mark.django_db(transaction=True)
ADA = "Ada.Lovelace@example.com"


@pytest.fixture
def paid(shopper: Client, mug: Item, stripe_side: SimulatedStripe) -> Order:
    """What Ada has ordered and paid; one delivery has not come in yet."""
    bought = shopper.get(f"/buy/{mug.pk}").json()
    stripe_side.pay(bought["url"], email="ada.lovelace@example.com")
    for event in stripe_side.objects("event"):
        if event["type"] != "charge.succeeded":
            assert post_event(shopper, event).status_code == 200
    hear_contact(bought["order_id"], "ada.lovelace@example.com")
    return Order.objects.get(pk=bought["order_id"])


def hear_contact(order_id: int, email: str) -> None:
    Contact.objects.update_or_create(order_id=order_id, defaults={"email": email, "heard_at": timezone.now()})


def forget(*arguments: str, email: str = ADA) -> str:
    told = io.StringIO()
    call_command("forget", email, *arguments, stdout=told)
    assert "@" not in told.getvalue()
    return told.getvalue()


def kinds(order: Order) -> list[str]:
    return list(Event.objects.filter(stream=order.stream).order_by("version").values_list("kind", flat=True))


def dumped() -> bytes:
    """All that `pg_dump` takes along of the rows: it copies every table with this statement. Payloads as text, too."""
    payloads = (bytes(delivery.payload) for delivery in Delivery.objects.all())
    return b"\n".join([*map(copied, tables()), *payloads]).lower()


def tables() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace"
        )
        return [name for [name] in cursor.fetchall()]


def copied(table: str) -> bytes:
    with connection.cursor() as cursor, cursor.copy(f'COPY "{table}" TO STDOUT') as copy:
        return b"".join(map(bytes, copy))


def traces(*words: str) -> list[str]:
    """Which of the words stand somewhere in a dump, as they are or as hexadecimal digits."""
    whole = dumped()
    return [word for word in words if word.encode() in whole or word.encode().hex().encode() in whole]


class TestAPaidOrder:
    def test_holds_nothing_of_its_shopper_afterwards(self, paid: Order) -> None:
        person = ("ada.lovelace@example.com", "lovelace")
        assert traces(*person) == list(person)
        assert forget().splitlines() == [
            f"forget: the contact of 1 orders ({paid.pk}) is forgotten",
            "forget: what 3 deliveries held of the person is erased",
        ]
        assert traces(*person) == []
        assert [*check_rows(), *verify_log()] == []
        rebuild_rows()
        assert [*check_rows(), *verify_log()] == []

    def test_tells_so(self, paid: Order, admin_client: Client) -> None:
        forget()
        assert kinds(paid)[-2:] == ["order.contact_forgotten", "order.links_revoked"]
        told = timeline(Order.objects.get(pk=paid.pk))[-2:]
        assert [(row.sentence, row.actor) for row in told] == [
            ("What we held of the shopper was forgotten, on their request", "system (forget)"),
            ("The links to the order's page were made invalid", "system (forget)"),
        ]
        assert Order.objects.get(pk=paid.pk).link_generation == 1

    def test_is_forgotten_once(self, paid: Order) -> None:
        forget()
        before = kinds(paid)
        assert forget() == "forget: nothing that is held here has this address\n"
        assert kinds(paid) == before

    def test_stays_as_it_is_when_somebody_only_looks(self, paid: Order) -> None:
        before = dumped()
        assert forget("--dry-run").splitlines() == [
            f"forget: the contact of 1 orders ({paid.pk}) would be forgotten",
            "forget: what 3 deliveries held of the person would be erased",
        ]
        assert dumped() == before

    def test_does_not_hear_of_them_again(self, paid: Order, client: Client, stripe_side: SimulatedStripe) -> None:
        forget()
        late = stripe_side.event("charge.succeeded")
        assert "ada.lovelace@example.com" in json.dumps(late)
        assert post_event(client, late).status_code == 200
        assert Delivery.objects.get(event_id=late["id"]).state == DeliveryState.HANDLED
        assert traces("lovelace") == []
        assert Contact.objects.get().email == ""

    def test_is_found_by_what_stripe_delivered_alone(self, paid: Order) -> None:
        Contact.objects.all().delete()
        forget()
        assert traces("lovelace") == []
        assert kinds(paid)[-2:] == ["order.contact_forgotten", "order.links_revoked"]


class TestADeliveryUnderWay:
    @pytest.mark.parametrize("first", ["delivery", "forgetting"])
    def test_while_its_shopper_is_forgotten_brings_nothing_back(
        self, paid: Order, stripe_side: SimulatedStripe, first: str
    ) -> None:
        """Both wait for the order, in either order; the delivery's row is there and nobody sees it yet."""
        late = stripe_side.event("charge.succeeded")
        answers: list[Any] = []
        works = {
            "delivery": lambda: answers.append(post_event(Client(), late).status_code),
            "forgetting": lambda: answers.append(forget_person(ADA).orders),
        }
        threads = [Thread(target=run_and_close, args=(works.pop(first),))]
        threads += [Thread(target=run_and_close, args=(work,)) for work in works.values()]
        with transaction.atomic():
            OrderAggregate.load_locked(paid.pk)
            for number, thread in enumerate(threads, start=1):
                thread.start()
                wait_for(lambda number=number: waiting_for_locks() == number)  # type: ignore[misc]
        for thread in threads:
            thread.join()
        assert 200 in answers
        assert [paid.pk] in answers
        assert traces("lovelace") == []


def run_and_close(work: Callable[[], object]) -> None:
    work()
    connection.close()


def waiting_for_locks() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_clear_snapshot()")  # else a transaction sees the same activity all along
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
        [count] = cursor.fetchone() or [0]
    return int(count)


class TestADelivery:
    def test_that_failed_is_redacted_and_can_still_be_handled(self, paid: Order, client: Client) -> None:
        delivery = Delivery.objects.get(type="checkout.session.completed")
        Delivery.objects.filter(pk=delivery.pk).update(state=DeliveryState.FAILED, order_id=None, try_at=timezone.now())
        forget()
        assert traces("lovelace") == []
        assert retry_deliveries() == 1
        assert Delivery.objects.get(pk=delivery.pk).order_id == paid.pk

    def test_that_fails_later_is_redacted_too(
        self, paid: Order, client: Client, stripe_side: SimulatedStripe, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        forget()
        monkeypatch.delitem(readers.SHAPES, readers.read_charge)
        broken = stripe_side.event("charge.succeeded")
        del broken["data"]["object"]["amount_captured"]
        assert post_event(client, broken).status_code == 500
        assert Delivery.objects.get(event_id=broken["id"]).state == DeliveryState.FAILED
        assert traces("lovelace") == []

    def test_that_cannot_be_read_is_redacted_too(
        self, paid: Order, client: Client, stripe_side: SimulatedStripe
    ) -> None:
        forget()
        broken = stripe_side.event("charge.succeeded")
        del broken["data"]["object"]["amount_captured"]
        assert post_event(client, broken).status_code == 200
        assert Delivery.objects.get(event_id=broken["id"]).state == DeliveryState.FAILED
        assert traces("lovelace") == []

    def test_of_nobodys_order_is_redacted(self, client: Client, stripe_side: SimulatedStripe) -> None:
        charge = {"id": "ch_9", "object": "charge", "payment_intent": "pi_9", "receipt_email": ADA, "metadata": {}}
        event = {"id": "evt_9", "type": "charge.succeeded", "livemode": False, "data": {"object": charge}}
        assert post_event(client, event).json()["state"] == "ignored"
        assert forget().splitlines()[0] == "forget: the contact of no order is forgotten"
        assert traces("lovelace") == []

    def test_without_the_address_goes_with_its_order(self, paid: Order, client: Client) -> None:
        """A failed one, which is no order's yet: a charge may name its payer and no address."""
        charge = {"id": "ch_8", "object": "charge", "billing_details": {"name": "Ada Lovelace", "email": None}}
        charge["payment_intent"] = paid.payments.get(source="checkout.session").payment_intent
        event = {"id": "evt_8", "type": "charge.succeeded", "livemode": False, "data": {"object": charge}}
        Delivery.objects.create(
            account="default",
            event_id="evt_8",
            type="charge.succeeded",
            livemode=False,
            payload=json.dumps(event).encode(),
            state=DeliveryState.FAILED,
            received_at=timezone.now(),
        )
        forget()
        assert traces("lovelace") == []


class TestOthers:
    @pytest.fixture
    def others(self, paid: Order, mug: Item, stripe_side: SimulatedStripe) -> str:
        browser = Client()
        browser.get(f"/item/{mug.pk}")
        stripe_side.pay(browser.get(f"/buy/{mug.pk}").json()["url"], email="lovelace@example.com")
        for event in stripe_side.objects("event"):
            post_event(browser, event)
        hear_contact(Order.objects.latest("pk").pk, "lovelace@example.com")
        return "lovelace@example.com"

    def test_are_not_forgotten_with_whom_they_share_an_ending(self, paid: Order, others: str) -> None:
        forget(email=others)
        assert traces("ada.lovelace@example.com") == ["ada.lovelace@example.com"]
        assert Contact.objects.get(pk=paid.pk).email == "ada.lovelace@example.com"
        forget()
        assert traces("lovelace") == []

    def test_are_not_looked_for_in_vain(self) -> None:
        assert forget(email="nobody@example.com") == "forget: nothing that is held here has this address\n"

    def test_are_told_of_where_nothing_is_done(self, admin_client: Client) -> None:
        assert forget(email="admin@example.com").splitlines()[2:] == [
            "forget: 1 rows of auth_user still hold the address: see docs/operations.md, Personal data"
        ]


class TestNotes:
    @pytest.fixture
    def noted(self, paid: Order) -> Order:
        with provenance.acting("system:test"):
            add_note(order_id=paid.pk, note_id=uuid4(), text="Wrote from ada.LOVELACE@example.com.")
        return paid

    def test_are_for_a_person_to_judge(self, noted: Order) -> None:
        told = forget().splitlines()
        assert told[2:] == [
            f"forget: what notes on 1 orders ({noted.pk}) say holds the address: erase them in the admin, or by --notes"
        ]
        assert StaffNote.objects.exists()

    def test_are_erased_when_asked_for(self, noted: Order) -> None:
        assert forget("--notes").splitlines()[2:] == [f"forget: what notes on 1 orders ({noted.pk}) say is erased"]
        assert traces("lovelace") == []
        assert "order.note_erased" in kinds(noted)
        assert [*check_rows(), *verify_log()] == []


class TestAnAddress:
    @pytest.mark.parametrize(
        ("text", "stands"),
        [
            ("ada@example.com", True),
            ("<ADA@example.com>, she said", True),
            ("Write to ada@example.com.", True),
            ("lada@example.com", False),
            ("ada+b@example.com.au", False),
            ("b.ada@example.com", False),
            ("ada@example.company", False),
            ("ada@example.com.au", False),
        ],
    )
    def test_stands_as_a_whole(self, text: str, *, stands: bool) -> None:
        assert Address(email="ada@example.com").stands_in(text) is stands

    @pytest.mark.parametrize("text", ["ada", "ada@", "@example.com", "ada lovelace@example.com", ""])
    def test_that_is_none_is_refused_without_repeating_it(self, text: str) -> None:
        with pytest.raises(CommandError) as refused:
            call_command("forget", text)
        assert str(refused.value) == "Error: argument email: that is no e-mail address"

    def test_is_read_from_standard_input(self, paid: Order, monkeypatch: Any) -> None:
        monkeypatch.setattr("sys.stdin", io.StringIO(f"{ADA}\n"))
        forget(email="-")
        assert traces("lovelace") == []
