"""Hypothesis acts as shopper, staff, banks and postman at once; the simulator's books say how the orders must end."""

from collections.abc import Collection
from contextlib import suppress
from datetime import timedelta
from random import Random
from typing import Any
from uuid import uuid4

import pytest
import requests
from django.test import Client
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from billing.models import Discount, Tax
from billing.services import sweep_open_calls
from core.eventlog import provenance
from core.refusals import Refusal
from orders import throttle
from orders.models import Item, Order, OrderState
from orders.services.canceling import cancel_order
from orders.services.refunding import refund_payment, return_surplus
from simulator import disputes, refunds
from simulator.payments import WAITING
from tests.convergence.acting import CARDS, DEBITS, JSON, METHODS
from tests.convergence.books import Books
from tests.convergence.checking import problems
from tests.convergence.database import forget_rows, keep_rows, put_back
from tests.convergence.share import AT_MOST, SHARES
from tests.simulated import TIMEOUT, Event, SimulatedStripe, post_event
from webhooks.services import retry_deliveries

pytestmark = pytest.mark.django_db(transaction=True)

EXAMPLES = 12 if AT_MOST else 200 // SHARES
# Finding the shortest history takes minutes.
PHASES = (Phase.generate,) if AT_MOST else (Phase.generate, Phase.shrink)
STEPS = 15
ROUNDS = 5
WAYS = ("Session", "PaymentIntent")
CODES = ("", "", "SPRING15", "SPRING15", "FREE")

# Done, or not possible just now.
ANSWERED = {requests.codes.ok, requests.codes.conflict}

numbers = st.integers(min_value=0, max_value=30)
codes = st.sampled_from(CODES)
ways = st.sampled_from(WAYS)
# What goes on is more to be looked at than what is declined.
cards = st.sampled_from([CARDS["good"], CARDS["good"], CARDS["good"], *CARDS.values()])


class Trade(RuleBasedStateMachine):
    """Whatever is not possible just now is refused, by Stripe or by the shop, or there is nothing to do it to."""

    stripe: SimulatedStripe

    def __init__(self) -> None:
        super().__init__()
        put_back("empty")
        self.stripe.reset()
        throttle.forget()
        self.item = Item.objects.create(name="Enamel mug", price=1850, currency="usd")
        with provenance.acting("staff:1"):
            self.item.taxes.add(Tax.objects.create(name="VAT", percentage="2.5"))
            Discount.objects.create(name="Spring sale", code="SPRING15", percent_off="15")
            Discount.objects.create(name="On the house", code="FREE", percent_off="100")
        self.client = Client()
        self.client.get(f"/item/{self.item.pk}")
        self.posted: set[str] = set()

    @initialize(card=cards, code=codes, way=ways, both=st.booleans())
    def there_is_a_first_attempt(self, card: str, code: str, way: str, both: bool) -> None:
        self.shopper_checks_out_a_basket(1, code, way)
        if both:
            self.shopper_pays_both_ways(0)
        self.shopper_pays(card, "")
        self.shopper_confirms(card, "", 0)

    @rule()
    def shopper_buys(self) -> None:
        assert self.client.get(f"/buy/{self.item.pk}").status_code in ANSWERED

    @rule(quantity=st.sampled_from([1, 2]), code=codes, way=ways)
    def shopper_checks_out_a_basket(self, quantity: int, code: str, way: str) -> None:
        self.ask_shop("/basket/items", item=self.item.pk, quantity=quantity)
        self.ask_shop("/basket/discount", code=code)
        self.ask_shop("/basket/checkout", **({} if way == "Session" else {"pay": "here"}))
        if way == "PaymentIntent":
            self.shopper_opens(way, 0)

    @rule(way=ways, number=numbers)
    def shopper_opens(self, way: str, number: int) -> None:
        """One more way to pay an order, whatever is open of it."""
        if order := chosen(Order.objects.order_by("-pk"), number):
            path = "checkout" if way == "Session" else "payment-intent"
            self.ask_shop(f"/order/{order.pk}/{path}")

    @rule(number=numbers)
    def shopper_pays_both_ways(self, number: int) -> None:
        for way in WAYS:
            self.shopper_opens(way, number)
        self.shopper_pays(CARDS["good"], "")
        self.shopper_confirms(CARDS["good"], "", 0)

    @rule(card=cards, method=st.sampled_from(["", "", *METHODS.values()]))
    def shopper_pays(self, card: str, method: str) -> None:
        for session in self.stripe.objects("checkout.session"):
            if session["status"] == "open":
                self.stripe.pay(session["url"], card=card, **({"async": method} if method else {}))

    @rule(card=cards, method=st.sampled_from(["", "", *DEBITS]), number=numbers)
    def shopper_confirms(self, card: str, method: str, number: int) -> None:
        if intent := chosen(self.intents_in(WAITING), number):
            self.stripe.confirm(intent["client_secret"], card=card, **DEBITS.get(method, {}))

    @rule(confirms=st.booleans(), number=numbers)
    def shopper_answers_the_bank(self, confirms: bool, number: int) -> None:
        if intent := chosen(self.intents_in({"requires_action"}), number):
            page = intent["next_action"]["redirect_to_url"]["url"]
            answer = {"confirm": "1"} if confirms else {"refuse": "1"}
            requests.post(page, answer, allow_redirects=False, timeout=TIMEOUT).raise_for_status()

    @rule(number=numbers)
    def staff_cancels(self, number: int) -> None:
        with provenance.acting("staff:1"), suppress(Refusal):
            if order := chosen(Order.objects.filter(state=OrderState.PENDING).order_by("-pk"), number):
                cancel_order(order_id=order.pk, reason="requested_by_customer")

    @rule(number=numbers)
    def staff_returns_surplus(self, number: int) -> None:
        """Once all has arrived that would tell of one."""
        self.all_deliveries_arrive()
        if order := chosen(Order.objects.filter(surplus__gt=0).order_by("pk"), number):
            with provenance.acting("staff:1"), suppress(Refusal):
                return_surplus(order_id=order.pk, amount=order.surplus, call_id=uuid4())

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

    @rule(number=numbers)
    def an_intent_is_canceled_at_stripe(self, number: int) -> None:
        own = {session["payment_intent"] for session in self.stripe.objects("checkout.session")}
        waiting = [one for one in self.intents_in(WAITING) if one["id"] not in own]
        if intent := chosen(waiting, number):
            self.stripe.in_dashboard("POST", f"/v1/payment_intents/{intent['id']}/cancel")

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

    @rule()
    def all_deliveries_arrive(self) -> None:
        waiting = [event for event in self.stripe.objects("event") if event["id"] not in self.posted]
        Random(len(waiting)).shuffle(waiting)  # noqa: S311 an order, not a secret
        for event in waiting:
            self.post(event)

    @rule()
    def the_jobs_run(self) -> None:
        retry_deliveries()
        sweep_open_calls(older_than=timedelta())

    def intents_in(self, statuses: Collection[str]) -> list[Any]:
        return [one for one in self.stripe.objects("payment_intent") if one["status"] in statuses]

    def ask_shop(self, path: str, **fields: object) -> None:
        throttle.forget()  # nobody presses so often in life; what happens then is tried elsewhere
        answer = self.client.post(path, fields, content_type="application/json", headers=JSON)
        assert answer.status_code in ANSWERED, answer.content

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
            self.all_deliveries_arrive()
            retry_deliveries()
            sweep_open_calls(older_than=timedelta())
        assert list(problems()) == []
        books = Books(self.stripe)
        for order in Order.objects.all():
            books.check(order)


def chosen(found: Any, number: int) -> Any:
    """Of a list or a QuerySet."""
    rows = list(found)
    return rows[number % len(rows)] if rows else None


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
