"""The doctor: a clean bill for accounts that are well; else its words, here of the account itself, and what to do."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone
from freezegun import freeze_time

from billing.models import Coupon, StripeCall
from billing.tests.mirrors import five_dollars, summer, vat, work
from core.models import Event
from orders.models import Item, Order
from orders.tests.shopping import buy
from tests.simulated import ACCOUNT_KEYS, SimulatedStripe, post_event
from webhooks.models import Delivery
from webhooks.tests.altered import forbidden, undated, with_fields
from webhooks.tests.conftest import Alter
from webhooks.tests.examining import PROBES, an_hour_later, examine, pay, run, settle_in, verdicts

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("well")]


class TestAccountsThatAreWell:
    @pytest.fixture
    def paid(self, well: None, shopper: Client, mug: Item, stripe_side: SimulatedStripe) -> None:
        """With a discount and a tax at Stripe, and an order that was paid and told of."""
        summer()
        five_dollars()
        vat()
        work()
        pay(shopper, mug, stripe_side)
        for account in ACCOUNT_KEYS:
            for event in stripe_side.objects("event", account):
                post_event(shopper, event, account)

    def test_have_a_clean_bill(self, paid: None, stripe_side: SimulatedStripe) -> None:
        with an_hour_later(stripe_side):
            code, bill = examine()
            assert (code, verdicts(bill)) == (0, {probe: ["ok"] for probe in PROBES})
            code, euro = examine(account="euro")
            assert (code, verdicts(euro)) == (0, {probe: ["ok"] for probe in PROBES})
        [(_, events, _)] = bill["events"]
        assert int(events.split()[0]) >= 6
        assert events.endswith("all verified by webhook")
        assert bill["mirrors"] == [("ok", "coupons: 2, tax rates: 1, all as they are here", "")]
        assert euro["mirrors"] == [("ok", "coupons: 1, tax rates: 1, all as they are here", "")]
        assert bill["currency"] == [("ok", "settles in usd, serves jpy, usd", "")]

    def test_are_left_as_they_are(self, paid: None, stripe_side: SimulatedStripe) -> None:
        asked = len(stripe_side.requests_of("GET", "/v1/account"))
        last = Event.objects.latest("position").position
        orders, deliveries = list(Order.objects.values()), list(Delivery.objects.values())
        coupons = list(Coupon.objects.values())
        objects = [stripe_side.objects(kind) for kind in ("coupon", "tax_rate", "event", "webhook_endpoint")]
        examine()
        assert len(stripe_side.requests_of("GET", "/v1/account")) == asked + 1 + 1, "once for each account"
        written = Event.objects.filter(position__gt=last)
        assert {event.kind.rpartition(".")[0] for event in written} == {"stripe.call"}
        assert {event.actor for event in written} == {"system:doctor"}
        assert not StripeCall.objects.filter(settled_at=None).exists()
        assert (orders, deliveries) == (list(Order.objects.values()), list(Delivery.objects.values()))
        assert coupons == list(Coupon.objects.values())
        assert objects == [stripe_side.objects(kind) for kind in ("coupon", "tax_rate", "event", "webhook_endpoint")]

    def test_are_told_of_in_a_table(self, paid: None, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("COLUMNS", "160")
        code, table = run()
        lines = table.splitlines()
        assert code == 0
        assert [line.split()[:3] for line in lines] == [
            [account, probe, "ok"] for account in ("default", "euro") for probe in PROBES
        ]
        assert len({line.index(" ok ") for line in lines}) == 1, "the columns are aligned"


class TestTheKey:
    def test_that_stripe_refuses_is_all_there_is_to_say(self, settings: Any) -> None:
        accounts = settings.STRIPE_ACCOUNTS
        refused = replace(accounts["default"], secret_key="sk_test_no-key")
        settings.STRIPE_ACCOUNTS = accounts | {"default": refused}
        code, bill = examine()
        assert code == 1
        assert bill["key"] == [
            (
                "failed",
                "Stripe refuses the key",
                "Put a valid key into STRIPE_DEFAULT_SECRET_KEY (dashboard: Developers > API keys).",
            )
        ]
        assert all(bill[probe] == [("skipped", "Stripe refuses the key", "")] for probe in PROBES[1:])
        assert verdicts(examine(account="euro")[1]) == {probe: ["ok"] for probe in PROBES}, "it is well"

    def test_can_not_be_tried_where_stripe_does_not_answer(self, stripe_side: SimulatedStripe) -> None:
        stripe_side.order_fault("drop", "GET /v1/account")
        code, bill = examine()
        assert code == 1
        [(verdict, seen, to_do)] = bill["key"]
        assert (verdict, seen) == ("failed", "Stripe does not answer")
        assert stripe_side.base in to_do
        assert verdicts(bill)["mirrors"] == ["skipped"]

    def test_that_may_not_read_its_account_is_good_all_the_same(self, altered: Alter) -> None:
        altered("/v1/account", forbidden)
        code, bill = examine()
        assert code == 0
        assert bill["key"] == [("ok", "Stripe knows the key, a restricted one that may not read its account", "")]
        [(verdict, seen, _)] = bill["currency"]
        assert (verdict, seen) == ("note", "Stripe does not tell what currency the account settles in")

    def test_of_the_account_of_another_name_is_found(self, altered: Alter) -> None:
        altered("/v1/account", with_fields(id="acct_same"))
        code, bill = examine(account="euro")
        assert code == 1
        assert bill["key"] == [
            (
                "failed",
                "acct_same is the account of default too",
                "Put the key of another account into STRIPE_EURO_SECRET_KEY.",
            )
        ]


class TestARestrictedKey:
    @pytest.mark.parametrize(
        ("path", "probes", "reads"),
        [
            ("/v1/webhook_endpoints", ["webhook", "events"], "webhook endpoints"),
            ("/v1/events", ["livemode"], "webhook endpoints and events"),
            ("/v1/coupons", ["mirrors"], "coupons and tax rates"),
        ],
    )
    def test_is_told_what_it_may_not_read(self, altered: Alter, path: str, probes: list[str], reads: str) -> None:
        altered(path, forbidden)
        code, bill = examine()
        assert code == 1
        for probe in probes:
            [(verdict, seen, to_do)] = bill[probe]
            assert (verdict, seen.startswith(f"the key, a restricted one, may not read {reads}")) == ("failed", True)
            assert to_do.startswith(f"Permit the key of STRIPE_DEFAULT_SECRET_KEY to read {reads}")


class TestTheClock:
    @pytest.mark.parametrize(
        ("seconds", "verdict", "words"),
        [(30, "ok", "30 s behind"), (90, "failed", "90 s behind"), (-90, "failed", "90 s ahead of")],
    )
    def test_may_differ_from_stripes_by_a_minute(
        self, stripe_side: SimulatedStripe, seconds: int, verdict: str, words: str
    ) -> None:
        # To the middle of a second: an answer's date is in whole ones.
        now = timezone.now().replace(microsecond=500_000)
        with freeze_time(now - timedelta(seconds=seconds), tick=True):
            code, bill = examine()
        [(found, seen, to_do)] = bill["clock"]
        assert (found, code) == (verdict, int(verdict == "failed"))
        assert abs(int(seen.split()[3]) - abs(seconds)) <= 3
        assert words.partition(" ")[2] in seen
        assert ("NTP" in to_do) == (verdict == "failed")

    def test_is_not_compared_with_an_answer_without_a_date(self, altered: Alter) -> None:
        altered("/v1/account", undated)
        code, bill = examine()
        assert (code, bill["clock"]) == (0, [("skipped", "Stripe's answer bears no date", "")])


class TestTheMode:
    @pytest.mark.parametrize("path", ["/v1/webhook_endpoints", "/v1/events"])
    def test_of_stripes_objects_is_that_of_the_key(
        self,
        shopper: Client,
        mug: Item,
        stripe_side: SimulatedStripe,
        altered: Alter,
        path: str,
    ) -> None:
        pay(shopper, mug, stripe_side)
        altered(path, with_fields(livemode=True))
        code, bill = examine()
        assert code == 1
        [(verdict, seen, to_do)] = bill["livemode"]
        assert (verdict, seen) == ("failed", "a test key is answered with live objects")
        assert to_do.startswith("Put the test key of the right account into STRIPE_DEFAULT_SECRET_KEY")

    def test_of_orders_that_wait_is_that_of_the_key(self, shopper: Client, mug: Item, settings: Any) -> None:
        waiting = buy(shopper, mug)["order_id"]
        live = replace(settings.STRIPE_ACCOUNTS["default"], secret_key="sk_live_default")
        settings.STRIPE_ACCOUNTS = settings.STRIPE_ACCOUNTS | {"default": live}
        code, bill = examine()
        assert code == 1
        assert bill["livemode"] == [
            (
                "failed",
                f"orders that wait for payment were placed in test mode: {waiting}",
                "Put the test key back into STRIPE_DEFAULT_SECRET_KEY until they are paid or canceled.",
            )
        ]


class TestTheCurrency:
    def test_that_another_account_charges_and_converts_fails(self, stripe_side: SimulatedStripe) -> None:
        settle_in(stripe_side, "default", "eur")
        settle_in(stripe_side, "euro", "usd")
        code, bill = examine()
        assert code == 1
        assert bill["currency"] == [
            (
                "failed",
                "settles in eur, which is charged to euro, which settles in usd",
                "Move eur from STRIPE_EURO_CURRENCIES to STRIPE_DEFAULT_CURRENCIES, or exchange the keys of the two.",
            )
        ]

    @pytest.mark.parametrize("currency", ["gbp", "usd"])
    def test_that_nobody_could_charge_better_is_a_note(self, stripe_side: SimulatedStripe, currency: str) -> None:
        settle_in(stripe_side, "euro", currency)
        code, bill = examine(account="euro")
        assert code == 0
        [(verdict, seen, to_do)] = bill["currency"]
        assert (verdict, seen) == (
            "note",
            f"settles in {currency}, serves eur: Stripe converts every payment, for a fee",
        )
        assert to_do.startswith(f"Add {currency} to STRIPE_EURO_CURRENCIES, or a bank account")

    def test_of_an_account_for_all_others_is_any_that_is_not_named(
        self, stripe_side: SimulatedStripe, settings: Any
    ) -> None:
        others = replace(settings.STRIPE_ACCOUNTS["default"], currencies=frozenset("*"))
        settings.STRIPE_ACCOUNTS = settings.STRIPE_ACCOUNTS | {"default": others}
        settle_in(stripe_side, "default", "gbp")
        assert examine()[1]["currency"] == [("ok", "settles in gbp, serves *", "")]
        settle_in(stripe_side, "default", "eur")
        assert verdicts(examine()[1])["currency"] == ["note"]


class TestTheCommand:
    @pytest.mark.parametrize("since", ["yesterday", "9999999999d"])
    def test_refuses_a_time_that_is_none(self, since: str) -> None:
        with pytest.raises(CommandError, match=f"--since {since}: give a date") as refused:
            call_command("doctor", since=since)
        assert refused.value.returncode == 2

    def test_shows_what_to_do_below_what_was_seen(
        self, stripe_side: SimulatedStripe, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("COLUMNS", "70")
        stripe_side.order_fault("drop", "GET /v1/account")
        code, table = run()
        assert code == 1
        assert table.splitlines()[:5] == [
            "default  key       FAILED   Stripe does not answer",
            "                            -> Let this machine reach",
            f"                               {stripe_side.base}, or see",
            "                               status.stripe.com.",
            "default  clock     skipped  Stripe does not answer",
        ]

    def test_shows_no_key_and_no_secret(self, settings: Any, altered: Alter) -> None:
        for path in ("/v1/account", "/v1/webhook_endpoints", "/v1/events", "/v1/coupons"):
            altered(path, forbidden)
        for arguments in ([], ["--json"]):
            shown = run(*arguments)[1]
            assert "STRIPE_DEFAULT_SECRET_KEY" in shown
            for account in settings.STRIPE_ACCOUNTS.values():
                for secret in (account.secret_key, account.publishable_key, *account.webhook_secrets, "rk_test"):
                    assert secret not in shown
