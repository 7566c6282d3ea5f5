"""Hypothesis acts as staff, shoppers, worker, network and somebody in Stripe's dashboard; once the jobs have run dry,
Stripe has exactly the right objects.
"""

import os
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from freezegun import freeze_time
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from billing.accounts import account_named
from billing.counterparts import counterparts_for
from billing.drift import check_account, request_checks
from billing.gateway.calls import send_call
from billing.mirroring import KINDS, Terms, accounts_of, kind_of, next_call
from billing.models import CounterpartState, Coupon, Discount, StripeCall, Tax, TaxRate
from billing.quotes import DiscountTerms
from billing.services import sweep_open_calls
from billing.tests.mirrors import change, coupons, empty_queue, tax_rates, work
from core.eventlog import provenance
from core.eventlog.replay import check_rows
from core.eventlog.verify import verify_log
from core.refusals import Refusal
from tests.convergence.database import forget_rows, keep_rows, put_back
from tests.simulated import ACCOUNT_KEYS, SimulatedStripe

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("mirroring")]

ALL = os.environ.get("CONVERGE") == "all"
EXAMPLES = 200 if ALL else 10
STEPS = 15
# Finding the shortest history takes minutes.
PHASES = (Phase.generate, Phase.shrink) if ALL else (Phase.generate,)

PERCENT: dict[str, Any] = {"amount_off": None, "currency": None}
REDUCTIONS: list[dict[str, Any]] = [
    PERCENT | {"percent_off": "15"},
    PERCENT | {"percent_off": "12.5"},
    {"percent_off": None, "amount_off": 500, "currency": "usd"},
    {"percent_off": None, "amount_off": 500, "currency": "eur"},
    {"percent_off": None, "amount_off": 500, "currency": "gbp"},
]
RATES: list[dict[str, Any]] = [{"percentage": "8.875"}, {"percentage": "9"}, {"inclusive": True}, {"inclusive": False}]
FAULTS = ["http_500", "http_429", "drop", "timeout_after"]

names = st.sampled_from(["Summer", "Autumn", "Winter"])
numbers = st.integers(min_value=0, max_value=30)
accounts = st.sampled_from(sorted(ACCOUNT_KEYS))


class Mirroring(RuleBasedStateMachine):
    stripe: SimulatedStripe

    def __init__(self) -> None:
        super().__init__()
        put_back("unpriced")
        empty_queue()
        self.stripe.reset()
        self.placed: list[Terms] = []

    @initialize(name=names, reduction=st.sampled_from(REDUCTIONS))
    def staff_adds_a_discount(self, name: str, reduction: dict[str, Any]) -> None:
        Discount.objects.create(name=name, **reduction)

    @rule(name=names, reduction=st.sampled_from(REDUCTIONS))
    def staff_adds_another_discount(self, name: str, reduction: dict[str, Any]) -> None:
        Discount.objects.create(name=name, **reduction)

    @rule(name=names)
    def staff_adds_a_tax(self, name: str) -> None:
        Tax.objects.create(name=name, percentage="7")

    @rule(number=numbers, name=names)
    def staff_renames(self, number: int, name: str) -> None:
        if row := chosen(rows(), number):
            change(row, name=name)

    @rule(number=numbers, reduction=st.sampled_from(REDUCTIONS), rate=st.sampled_from(RATES))
    def staff_changes_terms(self, number: int, reduction: dict[str, Any], rate: dict[str, Any]) -> None:
        if row := chosen(rows(), number):
            change(row, **(rate if isinstance(row, Tax) else reduction))

    @rule(number=numbers)
    def staff_deletes(self, number: int) -> None:
        if row := chosen(rows(), number):
            row.delete()

    @rule(number=numbers)
    def a_shopper_places_an_order(self, number: int) -> None:
        if row := chosen(rows(), number):
            self.placed.append(row.terms)

    @rule(number=numbers)
    def a_shopper_pays(self, number: int) -> None:
        """At the price that the order was placed at, or not now."""
        if (terms := chosen(self.placed, number)) and (served := accounts_of(terms)):
            account = served[number % len(served)]
            with suppress(Refusal):
                self.check_price(account, terms)

    @rule(fault=st.sampled_from(FAULTS), times=st.integers(min_value=1, max_value=3))
    def the_network_fails(self, fault: str, times: int) -> None:
        self.stripe.order_fault(fault, "", times=times, seconds=0.02)

    @rule()
    def the_worker_runs(self) -> None:
        work(rounds=1, dry=False)

    @rule(number=numbers, account=accounts, sent=st.booleans())
    def a_worker_is_killed(self, number: int, account: str, sent: bool) -> None:
        if row := chosen(rows(), number):
            call = next_call(kind_of(row), row.pk, account_named(account))
            if call and sent:
                send_call(call)

    @rule()
    def the_sweeper_runs(self) -> None:
        sweep_open_calls(older_than=timedelta())

    @rule(account=accounts)
    def the_check_runs(self, account: str) -> None:
        check_account(account)

    @rule(number=numbers, account=accounts, name=names, deletes=st.booleans())
    def somebody_is_at_the_dashboard(self, number: int, account: str, name: str, deletes: bool) -> None:
        self.stripe.forget_faults()
        ours = self.stripe.objects("coupon", account) + self.stripe.objects("tax_rate", account)
        if not (found := chosen(ours, number)):
            return
        path = f"/v1/{found['object']}s/{found['id']}"
        if found["object"] == "tax_rate":
            changed = {"active": str(not found["active"]).lower()} if deletes else {"display_name": name}
            self.stripe.in_dashboard("POST", path, account, **changed)
        elif deletes:
            self.stripe.in_dashboard("DELETE", path, account)
        else:
            self.stripe.in_dashboard("POST", path, account, name=name)

    def check_price(self, account: str, terms: Any) -> None:
        """The objects that a checkout is given are those of its order's terms."""
        if isinstance(terms, DiscountTerms):
            [coupon] = counterparts_for(account=account, discount=terms, taxes=[]).coupons.values()
            given: Any = Coupon.objects.get(account=account, object_id=coupon)
            asked = reduction(terms)
        else:
            [rate] = counterparts_for(account=account, discount=None, taxes=[terms]).tax_rates.values()
            given = TaxRate.objects.get(account=account, object_id=rate)
            asked = {"percentage": terms.percentage, "inclusive": terms.inclusive}
        assert (given.version, given.terms) == (terms.version, asked)

    def teardown(self) -> None:
        self.stripe.forget_faults()
        work()
        with freeze_time(timezone.now() + timedelta(hours=25)):  # no checkout needs an earlier version any more
            request_checks()
            work()
            sweep_open_calls(older_than=timedelta())
        assert {account: sorted(found, key=str) for account, found in coupons(self.stripe).items()} == {
            account: sorted(expected_coupons(account), key=str) for account in ACCOUNT_KEYS
        }
        active = {account: sorted(one for one in found if one[3]) for account, found in tax_rates(self.stripe).items()}
        expected = sorted((tax.name, float(tax.percentage), tax.inclusive, True) for tax in Tax.objects.all())
        assert active == dict.fromkeys(ACCOUNT_KEYS, expected)
        assert list(check_rows()) == []
        assert list(verify_log()) == []
        assert not StripeCall.objects.filter(settled_at=None).exists()
        for kind in KINDS.values():
            states = set(kind.counterparts.values_list("is_current", "state"))
            assert states <= {(True, CounterpartState.SYNCED), (False, CounterpartState.RETIRED)}


def rows() -> list[Any]:
    return [*Discount.objects.all(), *Tax.objects.all()]


def chosen(found: Sequence[Any], number: int) -> Any:
    return found[number % len(found)] if found else None


def reduction(terms: Any) -> dict[str, Any]:
    if terms.percent_off:
        return {"percent_off": terms.percent_off}
    return {"amount_off": terms.amount_off, "currency": terms.currency}


def expected_coupons(account: str) -> list[tuple[Any, ...]]:
    return [
        (one.name, None if one.percent_off is None else float(one.percent_off), one.amount_off, one.currency)
        for one in Discount.objects.all()
        if account in accounts_of(one.terms)
    ]


def test_whatever_is_done_stripe_ends_with_the_right_objects(stripe_side: SimulatedStripe) -> None:
    keep_rows("unpriced")
    Mirroring.stripe = stripe_side
    with provenance.acting("system:test"):
        run_state_machine_as_test(
            Mirroring,
            settings=settings(
                max_examples=EXAMPLES,
                stateful_step_count=STEPS,
                phases=PHASES,
                deadline=None,
                database=None,
                print_blob=True,
                suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
            ),
        )
    put_back("unpriced")
    forget_rows("unpriced")
