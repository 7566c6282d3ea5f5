"""What somebody changes at Stripe is found, on record, and put right."""

import json
from typing import Any

import pytest
import structlog

from billing.drift import check_account, request_checks
from billing.models import Coupon, Discount, DiscountMirror, StripeCall, Tax, TaxRate
from billing.tests.mirrors import change, coupons, five_dollars, lose, queued, story, summer, tax_rates, vat, work
from core.eventlog.replay import check_rows
from tests.simulated import SimulatedStripe

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("mirroring")]


@pytest.fixture
def discount(stripe_side: SimulatedStripe) -> Discount:
    made = five_dollars()
    work()
    return made


@pytest.fixture
def tax(stripe_side: SimulatedStripe) -> Tax:
    made = vat()
    work()
    return made


def coupon_id(side: SimulatedStripe) -> str:
    return str(side.objects("coupon")[0]["id"])


def rate_id(side: SimulatedStripe) -> str:
    return str(side.objects("tax_rate")[0]["id"])


def check() -> None:
    check_account("default")
    work()


class TestACoupon:
    def test_that_was_deleted_is_made_again(self, discount: Discount, stripe_side: SimulatedStripe) -> None:
        stripe_side.in_dashboard("DELETE", f"/v1/coupons/{coupon_id(stripe_side)}")
        check()
        assert coupons(stripe_side)["default"] == [("Welcome", None, 500, "usd")]
        assert story(f"discount-{discount.pk}")[2:] == ["drift_found default 1 missing", "synced default 1 recreated"]
        assert coupon_id(stripe_side) == Coupon.objects.get().object_id

    def test_that_was_renamed_is_renamed_back(self, discount: Discount, stripe_side: SimulatedStripe) -> None:
        stripe_side.in_dashboard("POST", f"/v1/coupons/{coupon_id(stripe_side)}", name="Half price")
        check()
        assert coupons(stripe_side)["default"] == [("Welcome", None, 500, "usd")]
        assert story(f"discount-{discount.pk}")[2:] == ["drift_found default 1 name", "synced default 1 renamed"]

    def test_with_other_terms_under_its_id_is_made_under_another(
        self, discount: Discount, stripe_side: SimulatedStripe
    ) -> None:
        replaced = coupon_id(stripe_side)
        stripe_side.in_dashboard("DELETE", f"/v1/coupons/{replaced}")
        stripe_side.in_dashboard("POST", "/v1/coupons", id=replaced, percent_off="50", name="Welcome")
        check()
        made = Coupon.objects.get()
        assert made.object_id != replaced
        assert ("Welcome", None, 500, "usd") in coupons(stripe_side)["default"]
        assert story(f"discount-{discount.pk}")[2:] == [
            "drift_found default 1 amount_off,currency",
            "synced default 1 recreated",
        ]

    def test_that_is_back_after_it_was_retired_is_deleted_again(
        self, discount: Discount, stripe_side: SimulatedStripe
    ) -> None:
        was, stream = coupon_id(stripe_side), f"discount-{discount.pk}"
        discount.delete()
        work()
        stripe_side.in_dashboard("POST", "/v1/coupons", id=was, percent_off="50")
        check()
        assert coupons(stripe_side)["default"] == []
        assert story(stream)[4:] == ["drift_found default 1 not_retired", "synced default 1 retired"]


class TestATaxRate:
    @pytest.mark.parametrize(
        ("changed", "found"),
        [
            ({"display_name": "Tax"}, "display_name"),
            ({"active": "false"}, "active"),
            ({"jurisdiction": "Bavaria", "country": "AT"}, "country,jurisdiction"),
        ],
    )
    def test_that_was_changed_is_changed_back(
        self, tax: Tax, stripe_side: SimulatedStripe, changed: dict[str, str], found: str
    ) -> None:
        stripe_side.in_dashboard("POST", f"/v1/tax_rates/{rate_id(stripe_side)}", **changed)
        check()
        [rate] = stripe_side.objects("tax_rate")
        assert (rate["display_name"], rate["active"], rate["jurisdiction"], rate["country"]) == (
            "VAT",
            True,
            None,
            "DE",
        )
        assert story(f"tax-{tax.pk}")[3:] == [f"drift_found default 1 {found}", "synced default 1 renamed"]

    def test_that_is_active_after_it_was_retired_is_archived_again(
        self, tax: Tax, stripe_side: SimulatedStripe
    ) -> None:
        change(tax, percentage="9")
        work()
        stripe_side.in_dashboard("POST", f"/v1/tax_rates/{rate_id(stripe_side)}", active="true")
        check()
        assert [one[3] for one in tax_rates(stripe_side)["default"]] == [False, True]


class TestACheck:
    def test_of_what_is_as_it_should_be_changes_nothing(
        self, discount: Discount, tax: Tax, stripe_side: SimulatedStripe
    ) -> None:
        stories = story(f"discount-{discount.pk}"), story(f"tax-{tax.pk}")
        request_checks()
        work()
        assert (story(f"discount-{discount.pk}"), story(f"tax-{tax.pk}")) == stories
        assert len(stripe_side.objects("event")) == 2

    def test_marks_what_can_not_be_put_right(self, discount: Discount, stripe_side: SimulatedStripe) -> None:
        """Somebody else holds the id of the coupon that is to be made in its place."""
        was = coupon_id(stripe_side)
        stripe_side.in_dashboard("DELETE", f"/v1/coupons/{was}")
        stripe_side.in_dashboard("POST", "/v1/coupons", id=f"{was[:-1]}2", percent_off="50")
        check()
        assert (Coupon.objects.get().state, Coupon.objects.get().reason) == ("failed", "resource_already_exists")
        calls = StripeCall.objects.exclude(operation__endswith=".list").count()
        check()
        assert StripeCall.objects.exclude(operation__endswith=".list").count() == calls, "not tried again by itself"

    def test_leaves_a_call_under_way_alone(self, stripe_side: SimulatedStripe) -> None:
        """Stripe has the new name already, and the answer was lost."""
        discount = five_dollars()
        work()
        change(discount, name="Hello")
        stripe_side.order_fault("timeout_after", "POST /v1/coupons/*", seconds=0.1)
        work(rounds=1, dry=False)
        assert coupons(stripe_side)["default"][0][0] == "Hello"
        check_account("default")
        assert not any("drift" in line for line in story(f"discount-{discount.pk}"))
        assert "billing.check_account" in [task for _, task, _ in queued()], "it is made again later"
        work()
        assert story(f"discount-{discount.pk}")[-1] == "synced default 1 renamed"

    def test_that_stripe_does_not_answer_is_made_later(self, discount: Discount, stripe_side: SimulatedStripe) -> None:
        stripe_side.in_dashboard("DELETE", f"/v1/coupons/{coupon_id(stripe_side)}")
        stripe_side.order_fault("drop", "GET /v1/coupons")
        check_account("default")
        assert [task for _, task, _ in queued()] == ["billing.check_account"]
        work()
        assert coupons(stripe_side)["default"] == [("Welcome", None, 500, "usd")]

    def test_goes_on_with_what_a_lost_job_left(self, stripe_side: SimulatedStripe) -> None:
        five_dollars()
        for job, _, _ in queued():
            lose(job)
        check()
        assert Coupon.objects.get().state == "synced"

    def test_reads_every_page(self, stripe_side: SimulatedStripe) -> None:
        discount = five_dollars()
        work()
        for number in range(120):
            stripe_side.in_dashboard("POST", "/v1/coupons", id=f"other-{number}", percent_off="1")
        check()
        assert story(f"discount-{discount.pk}") == ["sync_requested saved", "synced default 1 created"]

    def test_flags_what_is_ours_and_no_mirror_knows(self, discount: Discount, stripe_side: SimulatedStripe) -> None:
        installation = DiscountMirror.objects.get().installation
        left = {"percent_off": "50", "metadata[installation]": installation, "metadata[discount]": "99"}
        stripe_side.in_dashboard("POST", "/v1/coupons", id="left-by-a-backup", **left)
        stripe_side.in_dashboard("POST", "/v1/coupons", id="somebody-elses", percent_off="50")
        with structlog.testing.capture_logs() as logs:
            check()
        flagged = [line["object_id"] for line in logs if line["event"] == "mirror.unknown_object"]
        assert flagged == ["left-by-a-backup"]

    def test_flags_nothing_that_is_being_made(self, stripe_side: SimulatedStripe) -> None:
        five_dollars()
        stripe_side.order_fault("timeout_after", "POST /v1/coupons", seconds=0.1)
        work(rounds=1, dry=False)
        assert len(stripe_side.objects("coupon")) == 1
        with structlog.testing.capture_logs() as logs:
            check_account("default")
        assert [line["event"] for line in logs if line["event"].startswith("mirror.")] == []


class TestWhatNoSignalTold:
    def test_is_asked_for_by_the_hourly_job(self, stripe_side: SimulatedStripe) -> None:
        Discount.objects.bulk_create([Discount(name="Bulk", percent_off=10)])
        Tax.objects.bulk_create([Tax(name="VAT", percentage=9)])
        request_checks()
        work()
        assert coupons(stripe_side)["euro"] == [("Bulk", 10, None, None)]
        assert tax_rates(stripe_side)["euro"] == [("VAT", 9, False, True)]
        assert story(f"discount-{Discount.objects.get().pk}")[0] == "sync_requested found"

    def test_includes_names_accounts_and_rows_that_are_gone(self, stripe_side: SimulatedStripe, settings: Any) -> None:
        renamed, gone = summer(), vat()
        work()
        Discount.objects.filter(pk=renamed.pk).update(name="Autumn")
        key = gone.pk
        Tax.objects.filter(pk=key)._raw_delete("default")  # as psql does
        request_checks()
        work()
        assert coupons(stripe_side)["default"] == [("Autumn", 15, None, None)]
        assert tax_rates(stripe_side)["default"] == [("VAT", 8.875, True, False)]
        settings.STRIPE_ACCOUNTS = {"default": settings.STRIPE_ACCOUNTS["default"]}
        request_checks()
        work()
        assert dict(Coupon.objects.values_list("account", "is_current")) == {"default": True, "euro": False}
        assert list(check_rows()) == []


def test_the_check_does_not_put_what_it_found_into_the_log(tax: Tax, stripe_side: SimulatedStripe) -> None:
    """What somebody types in the dashboard may be anything."""
    stripe_side.in_dashboard("POST", f"/v1/tax_rates/{rate_id(stripe_side)}", display_name="Mr. Jones")
    with structlog.testing.capture_logs() as logs:
        check()
    assert "drift_found default 1 display_name" in story(f"tax-{tax.pk}")
    facts = [TaxRate.objects.get(account="default").told, *(line for line in logs)]
    assert "Jones" not in json.dumps(facts, default=str)
