"""What is saved here is at every Stripe account concerned, whatever fails on the way, and the log tells each step."""

from typing import Any

import pytest

from billing.drift import sync_again
from billing.gateway.errors import StripeUnreachable
from billing.mirroring import sync_mirror
from billing.models import Coupon, Discount, DiscountMirror, StripeCall, TaxRate
from billing.tests.mirrors import (
    CHANGES,
    change,
    coupons,
    everywhere,
    five_dollars,
    has_no_findings,
    queued,
    story,
    summer,
    tax_rates,
    vat,
    work,
)
from core.eventlog.replay import rebuild_rows
from core.models import Event
from tests.simulated import SimulatedStripe

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("mirroring")]

FAULTS = ("http_500", "http_429", "drop", "timeout_after")


class TestADiscount:
    def test_has_a_coupon_at_every_account(self, stripe_side: SimulatedStripe) -> None:
        discount = summer()
        work()
        assert coupons(stripe_side) == everywhere(("Summer", 15, None, None))
        assert story(f"discount-{discount.pk}") == [
            "sync_requested saved",
            "synced default 1 created",
            "synced euro 1 created",
        ]

    def test_of_an_amount_has_one_at_the_account_of_its_currency(self, stripe_side: SimulatedStripe) -> None:
        five_dollars()
        five_dollars(currency="eur")
        five_dollars(currency="gbp")
        work()
        assert coupons(stripe_side) == {
            "default": [("Welcome", None, 500, "usd")],
            "euro": [("Welcome", None, 500, "eur")],
        }

    def test_is_renamed_where_it_is(self, stripe_side: SimulatedStripe) -> None:
        discount = summer()
        work()
        ids = [one["id"] for one in stripe_side.objects("coupon")]
        change(discount, name="Autumn")
        work()
        assert coupons(stripe_side) == everywhere(("Autumn", 15, None, None))
        assert [one["id"] for one in stripe_side.objects("coupon")] == ids
        assert story(f"discount-{discount.pk}")[3:] == [
            "sync_requested saved",
            "synced default 1 renamed",
            "synced euro 1 renamed",
        ]

    def test_is_replaced_when_its_terms_change(self, stripe_side: SimulatedStripe) -> None:
        discount = summer()
        work()
        change(discount, percent_off="20")
        work()
        assert coupons(stripe_side) == everywhere(("Summer", 20, None, None))
        assert story(f"discount-{discount.pk}")[3:] == [
            "sync_requested saved",
            "synced default 2 replaced",
            "synced default 1 retired",
            "synced euro 2 replaced",
            "synced euro 1 retired",
        ]

    def test_that_becomes_an_amount_leaves_the_other_account(self, stripe_side: SimulatedStripe) -> None:
        discount = summer()
        work()
        change(discount, percent_off=None, amount_off=300, currency="eur")
        work()
        assert coupons(stripe_side) == {"default": [], "euro": [("Summer", None, 300, "eur")]}

    def test_is_retired_when_it_is_deleted(self, stripe_side: SimulatedStripe) -> None:
        discount = summer()
        work()
        stream = f"discount-{discount.pk}"
        discount.delete()
        work()
        assert coupons(stripe_side) == everywhere()
        assert story(stream)[3:] == ["sync_requested deleted", "synced default 1 retired", "synced euro 1 retired"]
        assert set(Coupon.objects.values_list("state", flat=True)) == {"retired"}

    def test_that_nobody_mirrored_yet_is_retired_without_a_call(self, stripe_side: SimulatedStripe) -> None:
        summer().delete()
        work()
        assert not StripeCall.objects.exists()
        assert set(Coupon.objects.values_list("state", flat=True)) == {"retired"}

    def test_says_whose_it_is(self, stripe_side: SimulatedStripe) -> None:
        discount, tax = summer(), vat()
        work()
        [coupon], [rate] = stripe_side.objects("coupon"), stripe_side.objects("tax_rate")
        call = StripeCall.objects.get(operation="coupons.create", account="default")
        installation = DiscountMirror.objects.get().installation
        assert coupon["id"] == f"{installation}-{discount.pk}-1-default-1"
        assert coupon["metadata"] == {
            "installation": installation,
            "discount": str(discount.pk),
            "version": "1",
            "call_id": str(call.pk),
        }
        assert (rate["metadata"]["installation"], rate["metadata"]["tax"]) == (installation, str(tax.pk))

    def test_whose_key_was_used_before_goes_on_with_its_stream(self, stripe_side: SimulatedStripe) -> None:
        discount = summer()
        key = discount.pk
        work()
        discount.delete()
        summer(id=key, percent_off="30")
        work()
        assert coupons(stripe_side) == everywhere(("Summer", 30, None, None))
        assert Discount.objects.get().version == 2


class TestATax:
    def test_has_a_rate_at_every_account_which_is_replaced_and_archived(self, stripe_side: SimulatedStripe) -> None:
        tax = vat()
        work()
        change(tax, name="MwSt", jurisdiction="Berlin", country="")
        work()
        assert tax_rates(stripe_side) == everywhere(("MwSt", 8.875, True, True))
        [rate] = stripe_side.objects("tax_rate")
        assert (rate["jurisdiction"], rate["country"]) == ("Berlin", None)
        change(tax, percentage="9")
        work()
        assert tax_rates(stripe_side) == everywhere(("MwSt", 8.875, True, False), ("MwSt", 9, True, True))
        stream = f"tax-{tax.pk}"
        tax.delete()
        work()
        assert tax_rates(stripe_side) == everywhere(("MwSt", 8.875, True, False), ("MwSt", 9, True, False))
        assert [line for line in story(stream) if "euro" not in line] == [
            "sync_requested saved",
            "synced default 1 created",
            "sync_requested saved",
            "synced default 1 renamed",
            "sync_requested saved",
            "synced default 2 replaced",
            "synced default 1 retired",
            "sync_requested deleted",
            "synced default 2 retired",
        ]


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("done", CHANGES)
class TestWhateverFailsTwice:
    def test_the_coupons_are_right(self, stripe_side: SimulatedStripe, fault: str, done: str) -> None:
        discount = summer()
        if done != "create":
            work()
        stripe_side.order_fault(fault, "", times=2, seconds=0.1)
        CHANGES[done](discount)
        work()
        coupon = {
            "create": ("Summer", 15, None, None),
            "rename": ("Autumn", 15, None, None),
            "new terms": ("Summer", 20, None, None),
        }.get(done)
        assert coupons(stripe_side) == everywhere(*[coupon] if coupon else [])
        assert has_no_findings()

    def test_the_tax_rates_are_right(self, stripe_side: SimulatedStripe, fault: str, done: str) -> None:
        tax = vat()
        if done != "create":
            work()
        stripe_side.order_fault(fault, "", times=2, seconds=0.1)
        CHANGES[done](tax)
        work()
        assert tax_rates(stripe_side) == everywhere(
            *{
                "create": [("VAT", 8.875, True, True)],
                "rename": [("Autumn", 8.875, True, True)],
                "new terms": [("VAT", 8.875, True, False), ("VAT", 9, True, True)],
                "delete": [("VAT", 8.875, True, False)],
            }[done]
        )
        assert has_no_findings()


class TestTheLog:
    def test_tells_a_step_that_never_reached_stripe(self, stripe_side: SimulatedStripe) -> None:
        """A 500 is replayed under its key, so the coupon is looked up, and made under a new key and id."""
        stripe_side.order_fault("http_500", "POST /v1/coupons")
        discount = five_dollars()
        work()
        assert story(f"discount-{discount.pk}") == [
            "sync_requested saved",
            "sync_failed default 1 create not_carried_out",
            "synced default 1 created",
        ]
        assert [one["id"][-2:] for one in stripe_side.objects("coupon")] == ["-2"]

    def test_gives_the_rows_again(self, stripe_side: SimulatedStripe) -> None:
        discount, tax = summer(), vat()
        work()
        change(discount, percent_off="20")
        tax.delete()
        work()
        rows = [list(model.objects.order_by("pk").values()) for model in (DiscountMirror, Coupon, TaxRate)]
        rebuild_rows()
        assert [list(model.objects.order_by("pk").values()) for model in (DiscountMirror, Coupon, TaxRate)] == rows
        assert has_no_findings()

    def test_holds_no_float(self, stripe_side: SimulatedStripe) -> None:
        vat()
        summer(percent_off="12.5")
        work()
        texts = [str(data) for data in Event.objects.values_list("data", flat=True)]
        assert any("'percent_off': '12.5'" in text for text in texts)
        assert not any("12.5}" in text or "8.875," in text for text in texts)


class TestARefusal:
    @pytest.fixture
    def refused(self, stripe_side: SimulatedStripe) -> Discount:
        """Somebody else's coupon has the id that ours would get."""
        discount = five_dollars()
        mirror = DiscountMirror.objects.get()
        coupon_id = f"{mirror.installation}-{discount.pk}-1-default-1"
        stripe_side.in_dashboard("POST", "/v1/coupons", id=coupon_id, percent_off="1", name="Theirs")
        work()
        return discount

    def test_is_on_record_with_stripes_code(self, refused: Discount, stripe_side: SimulatedStripe) -> None:
        coupon = Coupon.objects.get()
        assert (coupon.state, coupon.reason) == ("failed", "resource_already_exists")
        assert story(f"discount-{refused.pk}")[1:] == ["sync_failed default 1 create resource_already_exists"]

    def test_is_not_tried_again_by_itself(self, refused: Discount, stripe_side: SimulatedStripe) -> None:
        calls = StripeCall.objects.count()
        sync_mirror(f"discount-{refused.pk}")
        assert StripeCall.objects.count() == calls

    @pytest.mark.parametrize("how", ["asked", "saved"])
    def test_is_tried_again_when_somebody_wants_it(
        self, refused: Discount, stripe_side: SimulatedStripe, how: str
    ) -> None:
        if how == "asked":
            mirror = DiscountMirror.objects.get()
            assert sync_again(mirror, version=mirror.stream_version)
            assert not sync_again(mirror, version=mirror.stream_version)
        else:
            change(refused)
        work()
        assert Coupon.objects.get().state == "synced"
        assert ("Welcome", None, 500, "usd") in coupons(stripe_side)["default"]
        assert story(f"discount-{refused.pk}")[2] == f"sync_requested {how}"

    def test_is_not_mistaken_for_a_lost_answer(self, stripe_side: SimulatedStripe) -> None:
        """Our coupon was never made; what is looked up by its id is somebody else's."""
        discount = five_dollars()
        stripe_side.order_fault("http_500", "POST /v1/coupons")
        work(rounds=2, dry=False)
        taken = f"{DiscountMirror.objects.get().installation}-{discount.pk}-1-default-1"
        stripe_side.in_dashboard("POST", "/v1/coupons", id=taken, percent_off="1")
        work()
        assert Coupon.objects.get().object_id != taken
        assert ("Welcome", None, 500, "usd") in coupons(stripe_side)["default"]

    def test_is_not_in_the_way_of_another_account(self, stripe_side: SimulatedStripe) -> None:
        discount = summer()
        installation = DiscountMirror.objects.get().installation
        coupon_id = f"{installation}-{discount.pk}-1-default-1"
        stripe_side.in_dashboard("POST", "/v1/coupons", id=coupon_id, percent_off="1")
        work()
        assert dict(Coupon.objects.values_list("account", "state")) == {"default": "failed", "euro": "synced"}


class TestAnAccountThatDoesNotAnswer:
    def test_is_tried_again_while_the_other_is_done(self, stripe_side: SimulatedStripe) -> None:
        stripe_side.order_fault("http_429", "POST /v1/coupons", times=1)
        discount = summer()
        with pytest.raises(StripeUnreachable):
            sync_mirror(f"discount-{discount.pk}")
        assert dict(Coupon.objects.values_list("account", "state")) == {"default": "pending", "euro": "synced"}
        work()
        assert coupons(stripe_side) == everywhere(("Summer", 15, None, None))

    def test_that_is_no_longer_configured_is_left_alone(self, stripe_side: SimulatedStripe, settings: Any) -> None:
        discount = summer()
        work()
        settings.STRIPE_ACCOUNTS = {"euro": settings.STRIPE_ACCOUNTS["euro"]}
        change(discount, percent_off="20")
        work()
        assert coupons(stripe_side) == {"default": [("Summer", 15, None, None)], "euro": [("Summer", 20, None, None)]}


def test_each_request_has_a_job(stripe_side: SimulatedStripe) -> None:
    """One that is being taken may not see what comes now."""
    discount = summer()
    change(discount, name="Autumn")
    change(discount)
    assert [(task, args) for _, task, args in queued()] == [
        ("billing.sync_mirror", {"stream": f"discount-{discount.pk}"})
    ] * 3
