"""A checkout gets exactly the coupon and the tax rates that it asks for, or a refusal."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone
from freezegun import freeze_time

from billing.accounts import AccountNotConfigured, account_named
from billing.counterparts import Counterparts, counterparts_for, need_counterpart
from billing.drift import request_checks
from billing.gateway.errors import StripeRefused, StripeUnreachable
from billing.mirroring import KINDS
from billing.models import Coupon, Discount, DiscountMirror, StripeCall, Tax
from billing.quotes import DiscountTerms
from billing.tests.mirrors import change, coupons, five_dollars, story, summer, tax_rates, vat, work
from core.eventlog import provenance
from core.eventlog.replay import check_rows
from tests.simulated import SimulatedStripe

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("mirroring")]


def coupon_for(terms: DiscountTerms, account: str = "default") -> str:
    return counterparts_for(account=account, discount=terms, taxes=[]).coupons[terms.discount, terms.version]


def at_stripe(side: SimulatedStripe, coupon: str, account: str = "default") -> Any:
    [found] = [one for one in side.objects("coupon", account) if one["id"] == coupon]
    return found


class TestWhatIsSynced:
    def test_is_answered_without_a_call(self, stripe_side: SimulatedStripe) -> None:
        discount, taxes = summer(), [vat(), vat(name="Reduced", percentage="7")]
        work()
        calls = StripeCall.objects.count()
        found = counterparts_for(account="euro", discount=discount.terms, taxes=[tax.terms for tax in taxes])
        [coupon] = stripe_side.objects("coupon", "euro")
        rates = {one["display_name"]: one["id"] for one in stripe_side.objects("tax_rate", "euro")}
        assert found == Counterparts(
            coupons={(discount.pk, 1): coupon["id"]},
            tax_rates={(taxes[0].pk, 1): rates["VAT"], (taxes[1].pk, 1): rates["Reduced"]},
        )
        assert StripeCall.objects.count() == calls

    def test_is_good_while_it_waits_to_be_renamed(self, stripe_side: SimulatedStripe) -> None:
        discount = summer()
        work()
        change(discount, name="Autumn")
        calls = StripeCall.objects.count()
        coupon_for(discount.terms)
        assert StripeCall.objects.count() == calls


def test_nothing_is_asked_for_nothing(stripe_side: SimulatedStripe) -> None:
    assert counterparts_for(account="default", discount=None, taxes=[]) == Counterparts(coupons={}, tax_rates={})


class TestWhatIsNotSynced:
    def test_is_synced_first(self, stripe_side: SimulatedStripe) -> None:
        discount, tax = summer(), vat()
        found = counterparts_for(account="default", discount=discount.terms, taxes=[tax.terms])
        assert at_stripe(stripe_side, found.coupons[discount.pk, 1])["percent_off"] == 15
        assert [one["id"] for one in stripe_side.objects("tax_rate")] == [found.tax_rates[tax.pk, 1]]
        work()
        assert coupons(stripe_side) == {account: [("Summer", 15, None, None)] for account in ("default", "euro")}
        assert tax_rates(stripe_side) == {account: [("VAT", 8.875, True, True)] for account in ("default", "euro")}

    def test_is_made_once_when_many_press_buy(self, stripe_side: SimulatedStripe) -> None:
        discount = summer()
        stripe_side.order_fault("delay", "POST /v1/coupons", seconds=1)
        answers: list[str] = []

        def buy() -> None:
            with provenance.acting("shopper"):
                answers.append(coupon_for(discount.terms))
            connection.close()

        shoppers = [threading.Thread(target=buy) for _ in range(4)]
        for shopper in shoppers:
            shopper.start()
        for shopper in shoppers:
            shopper.join()
        assert len(answers) == 4
        assert {*answers} == {one["id"] for one in stripe_side.objects("coupon")}

    @pytest.mark.parametrize(
        ("fault", "refusals"),
        [
            ("http_500", 2),  # the second one is the same error, from Stripe's memory
            ("http_429", 1),
            ("drop", 1),
            ("timeout_after", 1),
        ],
    )
    def test_refuses_the_checkout_while_stripe_does_not_answer(
        self, stripe_side: SimulatedStripe, fault: str, refusals: int
    ) -> None:
        discount = summer()
        stripe_side.order_fault(fault, "POST /v1/coupons", seconds=0.1)
        for _ in range(refusals):
            with pytest.raises(StripeUnreachable):
                coupon_for(discount.terms)
        assert at_stripe(stripe_side, coupon_for(discount.terms))["percent_off"] == 15
        assert len(stripe_side.objects("coupon")) == 1

    def test_refuses_the_checkout_when_one_of_several_is_missing(self, stripe_side: SimulatedStripe) -> None:
        discount, tax = summer(), vat()
        work()
        other = vat(name="Other")
        stripe_side.order_fault("drop", "POST /v1/tax_rates")
        with pytest.raises(StripeUnreachable):
            counterparts_for(account="default", discount=discount.terms, taxes=[tax.terms, other.terms])

    def test_that_stripe_refuses_is_not_asked_for_by_every_shopper(self, stripe_side: SimulatedStripe) -> None:
        discount = five_dollars()
        taken = f"{DiscountMirror.objects.get().installation}-{discount.pk}-1-default-1"
        stripe_side.in_dashboard("POST", "/v1/coupons", id=taken, percent_off="1")
        for _ in range(3):
            with pytest.raises(StripeRefused) as refused:
                coupon_for(discount.terms)
            assert refused.value.ids == {"reason": "resource_already_exists"}
        assert StripeCall.objects.count() == 1

    def test_does_not_wait_for_what_others_need(self, stripe_side: SimulatedStripe) -> None:
        """Another checkout was killed when it had said which version it needs."""
        discount = five_dollars()
        earlier = discount.terms
        work()
        change(discount, amount_off=700)
        work()
        need_counterpart(KINDS["discount"], account_named("default"), discount.pk, earlier, is_asked=False)
        change(discount, amount_off=900)
        coupon_for(discount.terms)
        assert sorted(one["amount_off"] for one in stripe_side.objects("coupon")) == [700, 900]

    def test_is_made_at_an_account_that_was_added_since(self, stripe_side: SimulatedStripe, settings: Any) -> None:
        accounts = settings.STRIPE_ACCOUNTS
        settings.STRIPE_ACCOUNTS = {"default": accounts["default"]}
        discount = summer()
        work()
        settings.STRIPE_ACCOUNTS = accounts
        assert at_stripe(stripe_side, coupon_for(discount.terms, "euro"), "euro")["percent_off"] == 15
        request_checks()
        work()
        assert len(stripe_side.objects("coupon", "euro")) == 1
        assert list(Coupon.objects.values_list("is_current", flat=True)) == [True, True]

    def test_is_made_where_no_signal_told_of_the_row(self, stripe_side: SimulatedStripe) -> None:
        Discount.objects.bulk_create([Discount(name="Bulk", percent_off=10)])
        assert at_stripe(stripe_side, coupon_for(Discount.objects.get().terms))["percent_off"] == 10
        assert list(check_rows()) == []


def test_an_account_that_is_gone_is_refused(stripe_side: SimulatedStripe) -> None:
    with pytest.raises(AccountNotConfigured):
        counterparts_for(account="gone", discount=summer().terms, taxes=[])


def test_no_transaction_may_be_open(stripe_side: SimulatedStripe) -> None:
    discount = summer()
    work()
    with transaction.atomic(), pytest.raises(RuntimeError, match="durable"):
        coupon_for(discount.terms)


class TestAnEarlierVersion:
    """An order that was placed with it is paid at its price."""

    @pytest.fixture
    def placed(self, stripe_side: SimulatedStripe) -> DiscountTerms:
        discount = five_dollars()
        placed = discount.terms
        work()
        change(discount, name="Hello", amount_off=700)
        work()
        return placed

    def test_is_made_anew(self, placed: DiscountTerms, stripe_side: SimulatedStripe) -> None:
        assert coupon_for(placed).endswith("-1-default-2")
        assert sorted(coupons(stripe_side)["default"]) == [("Hello", None, 700, "usd"), ("Welcome", None, 500, "usd")]
        assert story(f"discount-{placed.discount}")[-2:] == ["version_needed default", "synced default 1 revived"]
        assert list(check_rows()) == []

    def test_is_made_once(self, placed: DiscountTerms, stripe_side: SimulatedStripe) -> None:
        assert coupon_for(placed) == coupon_for(placed)
        assert len(stripe_side.objects("coupon")) == 2

    def test_is_kept_for_a_day_since_it_was_needed_last(
        self, placed: DiscountTerms, stripe_side: SimulatedStripe
    ) -> None:
        coupon_for(placed)
        with freeze_time(timezone.now() + timedelta(hours=23)):
            coupon_for(placed)
        with freeze_time(timezone.now() + timedelta(hours=46)):
            request_checks()
            work()
            assert len(stripe_side.objects("coupon")) == 2
        with freeze_time(timezone.now() + timedelta(hours=48)):
            request_checks()
            work()
        assert coupons(stripe_side)["default"] == [("Hello", None, 700, "usd")]
        assert story(f"discount-{placed.discount}")[-1] == "synced default 1 retired"

    def test_survives_another_change_while_it_is_needed(
        self, placed: DiscountTerms, stripe_side: SimulatedStripe
    ) -> None:
        coupon = coupon_for(placed)
        change(Discount.objects.get(), amount_off=900)
        work()
        assert at_stripe(stripe_side, coupon)["amount_off"] == 500
        assert len(stripe_side.objects("coupon")) == 2

    def test_that_is_being_retired_is_kept(self, placed: DiscountTerms, stripe_side: SimulatedStripe) -> None:
        """It is asked for between the change and the worker."""
        current = Discount.objects.get().terms
        change(Discount.objects.get(), amount_off=900)
        coupon = coupon_for(current)
        work()
        assert at_stripe(stripe_side, coupon)["amount_off"] == 700

    def test_of_a_deleted_discount_is_made_anew(self, placed: DiscountTerms, stripe_side: SimulatedStripe) -> None:
        Discount.objects.get().delete()
        work()
        assert at_stripe(stripe_side, coupon_for(placed))["amount_off"] == 500
        with freeze_time(timezone.now() + timedelta(hours=25)):
            request_checks()
            work()
        assert coupons(stripe_side)["default"] == []

    def test_of_a_tax_is_made_anew(self, stripe_side: SimulatedStripe) -> None:
        tax = vat()
        placed = tax.terms
        work()
        change(tax, percentage="9")
        work()
        found = counterparts_for(account="default", discount=None, taxes=[placed])
        [rate] = [one for one in stripe_side.objects("tax_rate") if one["id"] == found.tax_rates[tax.pk, 1]]
        assert (rate["percentage"], rate["active"], rate["country"]) == (8.875, True, "DE")
        with freeze_time(timezone.now() + timedelta(hours=25)):
            request_checks()
            work()
        active = [one[1] for one in tax_rates(stripe_side)["default"] if one[3]]
        assert (active, Tax.objects.get().version) == ([9], 2)

    def test_is_given_when_it_becomes_an_earlier_one_while_it_is_made(self, stripe_side: SimulatedStripe) -> None:
        discount = five_dollars()
        placed = discount.terms
        stripe_side.order_fault("delay", "POST /v1/coupons", seconds=1)
        answers: list[str] = []

        def buy() -> None:
            with provenance.acting("shopper"):
                answers.append(coupon_for(placed))
            connection.close()

        shopper = threading.Thread(target=buy)
        shopper.start()
        while not StripeCall.objects.exists():
            pass
        change(discount, amount_off=900)
        work()
        shopper.join()
        assert at_stripe(stripe_side, answers[0])["amount_off"] == 500
