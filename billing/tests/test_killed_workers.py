"""Workers that are killed, that meet, or that are overtaken by a change: no second coupon, no lost retirement."""

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone
from freezegun import freeze_time

from billing.accounts import account_named
from billing.gateway.calls import send_call
from billing.mirroring import KINDS, carry_out, next_call, sync_mirror
from billing.models import Coupon, Discount, DiscountMirror, StripeCall
from billing.services import sweep_open_calls
from billing.tests.mirrors import (
    CHANGES,
    change,
    coupons,
    everywhere,
    five_dollars,
    has_no_findings,
    story,
    summer,
    tax_rates,
    vat,
    work,
)
from core.eventlog import provenance
from tests.simulated import SimulatedStripe

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("mirroring")]


def killed_after_intent(stream_kind: str, key: int, account: str, *, sent: bool) -> StripeCall:
    """A worker that was killed between putting a call on record and recording what came of it."""
    call = next_call(KINDS[stream_kind], key, account_named(account))
    assert call is not None
    if sent:
        send_call(call)
    return call


@pytest.mark.parametrize("sent", [True, False])
class TestAKilledWorker:
    """The sweeper finds out what became of its call, and the mirror learns of it."""

    def sweep(self) -> None:
        with freeze_time(timezone.now() + timedelta(minutes=1)):
            assert sweep_open_calls() == 1

    def test_leaves_one_coupon(self, stripe_side: SimulatedStripe, sent: bool) -> None:
        discount = five_dollars()
        killed_after_intent("discount", discount.pk, "default", sent=sent)
        self.sweep()
        assert Coupon.objects.get().state == "synced"
        work()
        assert coupons(stripe_side)["default"] == [("Welcome", None, 500, "usd")]
        assert has_no_findings()

    def test_loses_no_retirement(self, stripe_side: SimulatedStripe, sent: bool) -> None:
        discount, key = five_dollars(), Discount.objects.get().pk
        work()
        discount.delete()
        killed_after_intent("discount", key, "default", sent=sent)
        self.sweep()
        assert Coupon.objects.get().state == "retired"
        assert coupons(stripe_side) == everywhere()

    def test_leaves_one_tax_rate(self, stripe_side: SimulatedStripe, sent: bool) -> None:
        tax = vat()
        killed_after_intent("tax", tax.pk, "euro", sent=sent)
        self.sweep()
        work()
        assert tax_rates(stripe_side) == everywhere(("VAT", 8.875, True, True))

    @pytest.mark.parametrize("done", CHANGES)
    @pytest.mark.parametrize("kind", ["discount", "tax"])
    def test_is_found_out_about_when_keys_are_forgotten(
        self, stripe_side: SimulatedStripe, kind: str, done: str, sent: bool
    ) -> None:
        """A day later nothing is sent again but a DELETE: it is looked up."""
        row = five_dollars() if kind == "discount" else vat()
        key = row.pk
        if done != "create":
            work()
            if done == "new terms" and kind == "discount":
                change(row, amount_off=600)
            else:
                CHANGES[done](row)
        killed_after_intent(kind, key, "default", sent=sent)
        with freeze_time(timezone.now() + timedelta(days=1)):
            assert sweep_open_calls() == 1
            work()
        if kind == "discount":
            expected = {
                "create": [("Welcome", None, 500, "usd")],
                "rename": [("Autumn", None, 500, "usd")],
                "new terms": [("Welcome", None, 600, "usd")],
                "delete": [],
            }[done]
            assert coupons(stripe_side)["default"] == expected
        else:
            assert tax_rates(stripe_side) == everywhere(
                *{
                    "create": [("VAT", 8.875, True, True)],
                    "rename": [("Autumn", 8.875, True, True)],
                    "new terms": [("VAT", 8.875, True, False), ("VAT", 9, True, True)],
                    "delete": [("VAT", 8.875, True, False)],
                }[done]
            )
        assert has_no_findings()


class TestTwoWorkersAtOnce:
    def test_make_one_coupon_for_each_account(self, stripe_side: SimulatedStripe) -> None:
        stripe_side.order_fault("delay", "POST /v1/coupons", times=1, seconds=1)
        discount = summer()
        failures: list[BaseException] = []

        def run() -> None:
            try:
                with provenance.acting("system:sync"):
                    sync_mirror(f"discount-{discount.pk}")
            except BaseException as error:  # noqa: BLE001 shown below
                failures.append(error)
            finally:
                connection.close()

        workers = [threading.Thread(target=run) for _ in range(3)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert failures == []
        assert coupons(stripe_side) == everywhere(("Summer", 15, None, None))
        assert StripeCall.objects.filter(operation="coupons.create").count() == 2
        assert has_no_findings()

    def test_wait_for_each_others_call(self, stripe_side: SimulatedStripe) -> None:
        """Neither gives up while the other has the same call under way."""
        discount = five_dollars()
        call = next_call(KINDS["discount"], discount.pk, account_named("default"))
        assert call is not None
        stripe_side.order_fault("delay", "POST /v1/coupons", seconds=1)

        def first() -> None:
            with provenance.acting("system:sync"):
                carry_out(call)
            connection.close()

        worker = threading.Thread(target=first)
        worker.start()
        carry_out(call)
        worker.join()
        assert Coupon.objects.get().state == "synced"


def test_a_change_during_a_call_is_done_after_it(stripe_side: SimulatedStripe) -> None:
    """The coupon that was being made is retired when its outcome is known, since it is not needed any more."""
    discount = five_dollars()
    killed_after_intent("discount", discount.pk, "default", sent=True)
    change(discount, name="Hello", amount_off=700)
    work()
    assert coupons(stripe_side)["default"] == [("Hello", None, 700, "usd")]
    assert story(f"discount-{discount.pk}") == [
        "sync_requested saved",
        "sync_requested saved",
        "synced default 1 created",
        "synced default 2 replaced",
        "synced default 1 retired",
    ]


def test_what_nobody_needs_any_more_has_not_failed(stripe_side: SimulatedStripe) -> None:
    """The first version was refused when the second had taken its place."""
    discount = five_dollars()
    taken = f"{DiscountMirror.objects.get().installation}-{discount.pk}-1-default-1"
    stripe_side.in_dashboard("POST", "/v1/coupons", id=taken, percent_off="1")
    killed_after_intent("discount", discount.pk, "default", sent=False)
    change(discount, amount_off=700)
    work()
    assert list(Coupon.objects.order_by("version").values_list("state", "reason")) == [
        ("retired", "resource_already_exists"),
        ("synced", ""),
    ]
