"""Hypothesis acts as shopper, staff, banks and postman at once; the simulator's books say how the orders must end."""

import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import timedelta
from random import Random
from typing import Any

import pytest
import requests
from django.test import Client
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from billing.services import sweep_open_calls
from core.eventlog import provenance
from core.refusals import Refusal
from orders import throttle
from orders.models import Item, Order
from orders.services.canceling import cancel_order
from orders.services.refunding import refund_payment
from simulator import disputes, refunds
from tests.convergence.acting import CARDS, METHODS
from tests.convergence.checking import problems
from tests.convergence.database import forget_rows, keep_rows, put_back
from tests.simulated import TIMEOUT, Event, SimulatedStripe, post_event
from webhooks.services import retry_deliveries

pytestmark = pytest.mark.django_db(transaction=True)

ALL = os.environ.get("CONVERGE") == "all"
EXAMPLES = 200 if ALL else 8
# Finding the shortest history takes minutes.
PHASES = (Phase.generate, Phase.shrink) if ALL else (Phase.generate,)
STEPS = 15
ROUNDS = 5
OPEN_DISPUTES = {"warning_needs_response", "warning_under_review", "needs_response", "under_review"}

numbers = st.integers(min_value=0, max_value=30)


class Trade(RuleBasedStateMachine):
    """Whatever is not possible just now is refused, by Stripe or by the shop, or there is nothing to do it to."""

    stripe: SimulatedStripe

    def __init__(self) -> None:
        super().__init__()
        put_back("empty")
        self.stripe.reset()
        throttle.forget()
        self.item = Item.objects.create(name="Enamel mug", price=1850, currency="usd")
        self.client = Client()
        self.client.get(f"/item/{self.item.pk}")
        self.posted: set[str] = set()

    @initialize(card=st.sampled_from(sorted(CARDS.values())))
    def there_is_a_first_attempt(self, card: str) -> None:
        self.shopper_buys()
        self.shopper_pays(card, "")
        self.shopper_pays(CARDS["good"], "")

    @rule()
    def shopper_buys(self) -> None:
        assert self.client.get(f"/buy/{self.item.pk}").status_code in {requests.codes.ok, requests.codes.conflict}

    @rule(card=st.sampled_from(sorted(CARDS.values())), method=st.sampled_from(["", "", *METHODS.values()]))
    def shopper_pays(self, card: str, method: str) -> None:
        for session in self.stripe.objects("checkout.session"):
            if session["status"] == "open":
                self.stripe.pay(session["url"], card=card, **({"async": method} if method else {}))

    @rule()
    def staff_cancels(self) -> None:
        with provenance.acting("staff:1"), suppress(Refusal):
            if order := Order.objects.order_by("pk").last():
                cancel_order(order_id=order.pk, reason="requested_by_customer")

    @rule(amount=st.sampled_from([1, 850, 1850]), number=numbers)
    def staff_refunds(self, amount: int, number: int) -> None:
        if charge := chosen(self.stripe.objects("charge"), number):
            with provenance.acting("staff:1"), suppress(Refusal):
                refund_payment(
                    order_id=int(charge["metadata"]["order_id"]),
                    payment_intent=charge["payment_intent"],
                    amount=amount,
                    reason="requested_by_customer",
                )

    @rule(amount=st.sampled_from([1, 850, 1850]), begins=st.sampled_from(["pending", "succeeded"]), number=numbers)
    def stripe_refunds(self, amount: int, begins: str, number: int) -> None:
        if charge := chosen(self.stripe.objects("charge"), number):
            self.ask("/_sim/refunds", next=begins)
            self.ask("/_sim/refunds", charge=charge["id"], amount=amount)

    @rule(number=numbers, move=numbers)
    def stripe_moves_a_refund(self, number: int, move: int) -> None:
        refund = chosen(self.stripe.objects("refund"), number)
        if refund and (status := chosen(refunds.MOVES[refund["status"]], move)):
            self.ask(f"/_sim/refunds/{refund['id']}", status=status)

    @rule(status=st.sampled_from(["needs_response", "warning_needs_response"]), number=numbers)
    def stripe_disputes(self, status: str, number: int) -> None:
        if charge := chosen(self.stripe.objects("charge"), number):
            self.ask("/_sim/disputes", charge=charge["id"], status=status)

    @rule(number=numbers, move=numbers)
    def stripe_moves_a_dispute(self, number: int, move: int) -> None:
        dispute = chosen(self.stripe.objects("dispute"), number)
        if dispute and (status := chosen(disputes.MOVES[dispute["status"]], move)):
            self.ask(f"/_sim/disputes/{dispute['id']}", status=status)

    @rule(days=st.sampled_from([2, 4]))
    def days_pass_at_stripe(self, days: int) -> None:
        self.stripe.advance(days * 24 * 3600)

    @rule(number=numbers)
    def a_delivery_arrives(self, number: int) -> None:
        if event := chosen(self.stripe.objects("event"), number):
            self.post(event)

    def ask(self, path: str, **body: Any) -> None:
        """Stripe may refuse: the money is gone, the dispute is over."""
        answer = requests.post(f"{self.stripe.base}{path}", json=body, timeout=TIMEOUT)
        assert answer.status_code in {requests.codes.ok, requests.codes.bad_request}, answer.text

    def post(self, event: Event) -> None:
        assert post_event(self.client, event).status_code == requests.codes.ok
        self.posted.add(event["id"])

    def teardown(self) -> None:
        """In the end everything has arrived and every job has run."""
        for _ in range(ROUNDS):
            waiting = [event for event in self.stripe.objects("event") if event["id"] not in self.posted]
            Random(len(waiting)).shuffle(waiting)  # noqa: S311 an order, not a secret
            for event in waiting:
                self.post(event)
            retry_deliveries()
            sweep_open_calls(older_than=timedelta())
        assert list(problems()) == []
        for order in Order.objects.all():
            self.check_against_the_books(order)

    def check_against_the_books(self, order: Order) -> None:
        charges = [one for one in self.stripe.objects("charge") if one["metadata"]["order_id"] == str(order.pk)]
        ids = {charge["id"] for charge in charges}
        given_back = [one for one in self.stripe.objects("refund") if one["charge"] in ids]
        disputed = {one["status"] for one in self.stripe.objects("dispute") if one["charge"] in ids}
        received = total_of(charges, "amount_captured")
        refunded = total_of(given_back, "amount")
        assert (order.received, order.refunded) == (received, refunded)
        assert order.state in states_of(order, received, refunded)
        assert order.dispute_state == dispute_state_of(disputed)


def chosen(found: Sequence[Any], number: int) -> Any:
    return found[number % len(found)] if found else None


def total_of(objects: Iterable[Any], field: str) -> int:
    return sum(int(one[field]) for one in objects if one["status"] == "succeeded")


def states_of(order: Order, received: int, refunded: int) -> set[str]:
    """An order can be canceled only while nothing was paid, so a canceled one may have received anything."""
    if order.canceled_at:
        return {"canceled"}
    if received < order.total:
        return {"pending"}
    if refunded == 0 or received - refunded >= order.total:
        return {"paid"}
    return {"partially_refunded"} if received > refunded else {"refunded"}


def dispute_state_of(statuses: set[str]) -> str:
    if "lost" in statuses:
        return "lost"
    if statuses & OPEN_DISPUTES:
        return "open"
    return "won" if "won" in statuses else "none"


def test_whatever_is_done_the_orders_agree_with_the_books(stripe_side: SimulatedStripe) -> None:
    keep_rows("empty")
    Trade.stripe = stripe_side
    checks = [HealthCheck.too_slow, HealthCheck.data_too_large]
    run_state_machine_as_test(
        Trade,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            phases=PHASES,
            deadline=None,
            database=None,
            print_blob=True,
            suppress_health_check=checks,
        ),
    )
    put_back("empty")
    forget_rows("empty")
