"""Saving and deleting asks for a sync, in the same transaction or not at all."""

from contextvars import Context
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from django.test import Client
from django.utils import timezone

from billing.events import DiscountSyncFailed
from billing.models import Coupon, Discount, DiscountMirror, Tax, TaxMirror, TaxRate
from billing.tests.mirrors import change, queued, story, summer, vat, work
from core.eventlog import provenance
from core.eventlog.append import StreamConflictError
from core.models import Event
from core.tests.streams import append
from tests.simulated import SimulatedStripe

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("mirroring")]


def spoil_stream(discount: Discount) -> None:
    """Let the log hold an event that the mirror's row knows nothing of, so that nothing more can be appended."""
    mirror = DiscountMirror.objects.get(pk=discount.pk)
    fact = DiscountSyncFailed(account="default", version=1, what="create", reason="test", again=True)
    append(mirror.stream, mirror.head, [fact], timezone.now())


def request_of(stream: str) -> dict[str, Any]:
    event = Event.objects.filter(stream=stream).latest("version")
    return {"kind": event.kind, **event.data}


class TestSaving:
    def test_puts_the_terms_and_their_accounts_on_record(self) -> None:
        discount = summer()
        assert request_of(f"discount-{discount.pk}") == {
            "kind": "discount.sync_requested",
            "change": "saved",
            "deleted": False,
            "accounts": ["default", "euro"],
            "installation": DiscountMirror.objects.get().installation,
            "terms": {
                "discount": discount.pk,
                "version": 1,
                "name": "Summer",
                "percent_off": "15",
                "amount_off": None,
                "currency": None,
            },
        }

    def test_of_a_tax_tells_its_jurisdiction_too(self) -> None:
        request = request_of(f"tax-{vat(jurisdiction='Berlin').pk}")
        assert (request["kind"], request["jurisdiction"], request["country"]) == ("tax.sync_requested", "Berlin", "DE")

    def test_queues_a_job(self) -> None:
        discount, tax = summer(), vat()
        assert [(task, args) for _, task, args in queued()] == [
            ("billing.sync_mirror", {"stream": f"discount-{discount.pk}"}),
            ("billing.sync_mirror", {"stream": f"tax-{tax.pk}"}),
        ]

    def test_that_is_rolled_back_leaves_nothing(self) -> None:
        with transaction.atomic():
            summer()
            vat()
            transaction.set_rollback(True)
        assert (Event.objects.count(), queued()) == (0, [])

    def test_is_rolled_back_when_it_can_not_be_recorded(self) -> None:
        discount = summer()
        spoil_stream(discount)
        with pytest.raises(StreamConflictError):
            change(discount, name="Autumn")
        assert (Discount.objects.get().name, len(queued())) == ("Summer", 1)

    def test_some_fields_asks_for_what_is_stored(self) -> None:
        discount = summer()
        discount.name, discount.code = "Not stored", "NEW"
        discount.save(update_fields=["code"])
        assert request_of(f"discount-{discount.pk}")["terms"]["name"] == "Summer"


class TestDeleting:
    def test_asks_for_nothing_to_be_left(self) -> None:
        discount = summer()
        stream = f"discount-{discount.pk}"
        discount.percent_off = 99
        discount.delete()
        request = request_of(stream)
        assert (request["change"], request["deleted"], request["accounts"]) == ("deleted", True, [])
        assert request["terms"]["percent_off"] == "15", "what was asked for before, whatever the instance says"

    def test_many_at_once_asks_for_each(self) -> None:
        streams = [f"tax-{tax.pk}" for tax in (vat(), vat())]
        Tax.objects.all().delete()
        assert [request_of(stream)["deleted"] for stream in streams] == [True, True]

    def test_that_is_rolled_back_leaves_nothing(self) -> None:
        discount = summer()
        before = Event.objects.count(), len(queued())
        with transaction.atomic():
            discount.delete()
            transaction.set_rollback(True)
        assert (Event.objects.count(), len(queued())) == before

    def test_is_rolled_back_when_it_can_not_be_recorded(self) -> None:
        discount = summer()
        spoil_stream(discount)
        with pytest.raises(StreamConflictError):
            discount.delete()
        assert (Discount.objects.count(), len(queued())) == (1, 1)

    def test_keeps_the_mirror(self) -> None:
        summer().delete()
        mirror = DiscountMirror.objects.get()
        assert (mirror.is_deleted, mirror.terms["name"]) == (True, "Summer")


class TestTheSync:
    def test_never_triggers_itself(self, stripe_side: SimulatedStripe) -> None:
        discount, tax = summer(), vat()
        work()
        assert queued() == []
        for stream in (f"discount-{discount.pk}", f"tax-{tax.pk}"):
            assert [line for line in story(stream) if "requested" in line] == ["sync_requested saved"]


class TestWhoAsked:
    def test_is_the_staff_member_in_the_admin(self, admin_client: Client, admin_user: User) -> None:
        form = {"name": "Winter", "code": "winter", "percent_off": "10", "amount_off": "", "currency": ""}
        assert admin_client.post("/admin/billing/discount/add/", form).status_code == 302
        assert Event.objects.get(kind="discount.sync_requested").actor == f"staff:{admin_user.pk}"

    def test_is_who_acts(self) -> None:
        with provenance.acting("system:import"):
            discount = summer()
        change(discount)
        actors = (
            Event.objects.filter(kind="discount.sync_requested").order_by("version").values_list("actor", flat=True)
        )
        assert list(actors) == ["system:import", "system:test"]


def test_an_installation_knows_its_objects_by_one_id() -> None:
    summer()
    vat()
    assert DiscountMirror.objects.get().installation == TaxMirror.objects.get().installation != ""


def test_counterparts_wait_for_the_worker() -> None:
    summer()
    vat()
    for model in (Coupon, TaxRate):
        assert list(model.objects.values_list("account", "state").order_by("account")) == [
            ("default", "pending"),
            ("euro", "pending"),
        ]


def test_a_shell_that_says_nothing_is_told_apart() -> None:
    discount = Context().run(summer)
    assert Event.objects.get(stream=f"discount-{discount.pk}").actor == "system:unattended"
