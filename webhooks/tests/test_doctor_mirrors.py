"""The doctor on discounts and taxes: what Stripe has of them is what is said here."""

from typing import Any

import pytest

from billing.accounts import account_named
from billing.mirroring import KINDS
from billing.models import Coupon, Discount, DiscountMirror, TaxRate
from billing.tests.mirrors import change, summer, vat, work
from tests.simulated import SimulatedStripe
from webhooks.tests.altered import Answer, with_fields
from webhooks.tests.conftest import Alter
from webhooks.tests.examining import an_hour_later, examine, verdicts

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("well")]


def coupon_at(side: SimulatedStripe, account: str = "default") -> str:
    return str(side.objects("coupon", account)[0]["id"])


class TestACouponOrTaxRate:
    def test_that_stripe_refused_is_named_with_its_reason(self, stripe_side: SimulatedStripe) -> None:
        discount = summer()
        taken = f"{DiscountMirror.objects.get().installation}-{discount.pk}-1-default-1"
        stripe_side.in_dashboard("POST", "/v1/coupons", id=taken, percent_off="5", duration="once")
        work()
        code, bill = examine()
        [(verdict, seen, to_do)] = bill["mirrors"]
        assert (code, verdict) == (1, "failed")
        named = f"coupon (none yet) of Discount {discount.pk}, version 1"
        assert seen == f"{named} was refused by Stripe: resource_already_exists"
        assert to_do.startswith(f"Correct Discount {discount.pk} or the Stripe account, then press “Sync again”")
        assert verdicts(examine(account="euro")[1])["mirrors"] == ["ok"]

    def test_may_be_under_way_for_ten_minutes(self, stripe_side: SimulatedStripe) -> None:
        tax = vat()
        code, bill = examine()
        [(verdict, seen, to_do)] = bill["mirrors"]
        assert (code, verdict, to_do) == (0, "note", "")
        with an_hour_later(stripe_side):
            code, bill = examine()
        assert code == 1
        assert bill["mirrors"] == [("failed", seen, "Start a worker, or look into its log.")]
        since = TaxRate.objects.get(account="default").requested_at
        assert seen == f"tax rate (none yet) of Tax {tax.pk}, version 1 is pending since {since:%Y-%m-%d %H:%M} UTC"

    @pytest.mark.parametrize(
        ("method", "fields", "words"), [("DELETE", {}, "missing"), ("POST", {"name": "Winter"}, "name")]
    )
    def test_that_somebody_changed_at_stripe_is_found_and_left(
        self, stripe_side: SimulatedStripe, method: str, fields: dict[str, str], words: str
    ) -> None:
        discount = summer()
        work()
        name = coupon_at(stripe_side)
        stripe_side.in_dashboard(method, f"/v1/coupons/{name}", **fields)
        code, bill = examine()
        [(verdict, seen, to_do)] = bill["mirrors"]
        assert (code, verdict) == (1, "failed")
        named = f"coupon {name} of Discount {discount.pk}, version 1"
        assert seen == f"{named} differs at Stripe from what we left there: {words}"
        assert to_do == f"Press “Sync again” on Discount {discount.pk} in the admin, with a worker running."
        assert Coupon.objects.get(account="default").state == "synced", "what was found is not put on record"
        assert verdicts(examine(account="euro")[1])["mirrors"] == ["ok"]

    def test_that_we_are_changing_ourselves_is_no_difference(self, stripe_side: SimulatedStripe) -> None:
        discount = summer()
        work()
        name = coupon_at(stripe_side)
        stripe_side.in_dashboard("POST", f"/v1/coupons/{name}", name="Winter")
        manager = KINDS["discount"].manager(account_named("default"))
        manager.intend("update", target=name, body={"name": "Winter"}, subject=f"discount-{discount.pk}")
        assert verdicts(examine()[1])["mirrors"] == ["ok"]

    def test_that_changes_while_it_is_looked_at_is_no_difference(
        self, stripe_side: SimulatedStripe, altered: Alter
    ) -> None:
        discount = summer()
        work()

        def renamed_meanwhile(answer: Answer) -> Answer:
            altered("/v1/coupons", with_fields(name="Autumn"))
            change(discount, name="Autumn")
            work()
            return with_fields(name="Autumn")(answer)

        altered("/v1/coupons", renamed_meanwhile)
        assert verdicts(examine()[1])["mirrors"] == ["ok"]

    @pytest.mark.parametrize(
        "changes", [{"percent_off": "20", "version": 2}, {"percent_off": None, "amount_off": 5, "currency": "usd"}]
    )
    def test_of_a_change_that_no_signal_told_of_was_never_asked_for(
        self, stripe_side: SimulatedStripe, changes: dict[str, Any]
    ) -> None:
        discount = summer()
        work()
        Discount.objects.filter(pk=discount.pk).update(**changes)
        at_euro = verdicts(examine(account="euro")[1])["mirrors"]
        assert at_euro == ["ok" if "currency" in changes else "failed"], "dollars are of no use to it"
        code, bill = examine()
        assert (code, bill["mirrors"]) == (
            1,
            [
                (
                    "failed",
                    f"discount {discount.pk} was never asked for at Stripe as it is now",
                    f"Save discount {discount.pk} in the admin once more.",
                )
            ],
        )
