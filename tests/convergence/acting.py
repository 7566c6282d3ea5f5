"""Performs a story's steps: the shop by Django's test client, Stripe by the simulator; then takes what Stripe made."""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import requests
from django.test import Client
from django.utils import timezone
from freezegun import freeze_time

from billing.models import Discount, Tax
from billing.services import sweep_open_calls
from core.eventlog import provenance
from core.refusals import Refusal
from orders.models import SETTLED_STATES, Item
from orders.services.canceling import cancel_order
from orders.services.refunding import refund_payment, return_surplus
from tests.contract import CONTRACT
from tests.convergence.capturing import Captured, capture
from tests.convergence.stories import Step, Story
from tests.simulated import ACCOUNT_KEYS, TIMEOUT, SimulatedStripe, post_event

CARDS = {
    "good": "4242424242424242",
    "declined": "4000000000000002",
    "without funds": "4000000000009995",
    "asks": "4000002500003155",
}
METHODS = {"bank": "1", "bank, in vain": "fail"}
DEBIT = {"payment_method_data[type]": "bank_debit"}
DEBITS = {"bank": DEBIT, "bank, in vain": DEBIT | {"payment_method_data[bank_debit][fails]": "true"}}
JSON = {"accept": "application/json"}


class Stage:
    """Who acts in a story: `{ shopper = "pays", card = "declined" }` is `shopper_pays(card="declined")`.

    Where a story has several of a kind they are numbered as they came, from 1; without a number it is the newest.
    `items` are ids by name; what is bought without a basket is one mug.
    """

    def __init__(self, client: Client, items: Mapping[str, int], stripe: SimulatedStripe) -> None:
        self._client, self._items, self._stripe = client, items, stripe
        self.order_id = 0
        self._sessions: list[str] = []

    def perform(self, story: Story) -> list[Captured]:
        """The story's deliveries, in the order in which Stripe made their events, twins last."""
        for step in story.steps:
            self._perform(step)
        assert not self._left_open(story), "what is done at Stripe after the deliveries would make each another story"
        return capture(story, self._stripe.objects("event"))

    def _left_open(self, story: Story) -> list[str]:
        """What the shop would close at Stripe once it hears of the payment: a Session, or an intent of its own page."""
        sessions = self._stripe.objects("checkout.session")
        of_sessions = {session["payment_intent"] for session in sessions}
        is_paid = story.end.state in SETTLED_STATES
        intents = [one for one in self._stripe.objects("payment_intent") if is_paid and one["id"] not in of_sessions]
        waiting = [one["id"] for one in intents if one["status"].startswith("requires_")]
        return waiting + [session["id"] for session in sessions if session["status"] == "open"]

    def _perform(self, step: Step) -> None:
        who, *_ = step
        options = {name: value for name, value in step.items() if name != who}
        getattr(self, f"{who}_{step[who]}".replace(" ", "_"))(**options)

    def staff_offers(self, code: str, percent_off: str) -> None:
        with provenance.acting("staff:1"):
            Discount.objects.create(name="Spring sale", code=code, percent_off=percent_off)

    def staff_taxes(self, item: str, percentage: str, *, inclusive: bool = False) -> None:
        with provenance.acting("staff:1"):
            tax = Tax.objects.create(name="VAT", percentage=percentage, inclusive=inclusive)
            Item.objects.get(pk=self._items[item]).taxes.add(tax)

    def shopper_buys(self, hours_later: int = 0) -> None:
        with later(hours_later):
            self._open(self._client.get(f"/buy/{self._items['mug']}"))

    def shopper_puts_in(self, item: str = "mug", quantity: int = 1) -> None:
        self._ask("/basket/items", item=self._items[item], quantity=quantity)

    def shopper_types(self, code: str) -> None:
        self._ask("/basket/discount", code=code)

    def shopper_checks_out(self) -> None:
        self._open(self._ask("/basket/checkout"))

    def shopper_chooses_to_pay_here(self) -> None:
        """On the shop's own page; the PaymentIntent is opened by that page."""
        self.order_id = self._ask("/basket/checkout", pay="here").json()["order_id"]

    def shopper_opens_session(self, hours_later: int = 0) -> None:
        with later(hours_later):
            self._open(self._ask(f"/order/{self.order_id}/checkout"))

    def shopper_opens_intent(self, *, refused: bool = False) -> None:
        """`refused` where Stripe's answer is lost."""
        expected = requests.codes.unavailable if refused else requests.codes.ok
        self._ask(f"/order/{self.order_id}/payment-intent", expected=expected)

    def shopper_confirms(self, card: str = "good", method: str = "", intent: int = 0) -> None:
        """Whoever has the intent's secret can, whatever became of its order."""
        opened = self._stripe.objects("payment_intent")[intent - 1]
        answer = self._stripe.confirm(opened["client_secret"], card=CARDS[card], **DEBITS.get(method, {}))
        expected = "processing" if method else {"good": "succeeded", "asks": "requires_action"}.get(card)
        assert answer.get("status") == expected, answer

    def shopper_answers_the_bank(self, *, confirms: bool = True) -> None:
        page = self._stripe.objects("payment_intent")[-1]["next_action"]["redirect_to_url"]["url"]
        form = {"confirm": "1"} if confirms else {"refuse": "1"}
        answer = requests.post(page, form, allow_redirects=False, timeout=TIMEOUT)
        assert answer.status_code == requests.codes.see_other, answer.text

    def shopper_pays(self, card: str = "good", method: str = "", session: int = 0) -> None:
        page = f"{self._stripe.base}/c/pay/{self._sessions[session - 1]}"
        form = {"async": METHODS[method]} if method else {}
        answer = self._stripe.pay(page, card=CARDS[card], **form)
        expected = requests.codes.see_other if card == "good" else requests.codes.payment_required
        assert answer.status_code == expected, answer.text

    def staff_cancels(self, *, refused: bool = False) -> None:
        with provenance.acting("staff:1"), pytest.raises(Refusal) if refused else nullcontext():
            cancel_order(order_id=self.order_id, reason="requested_by_customer")

    def staff_refunds(self, amount: int, *, refused: bool = False) -> None:
        """`refused` too where Stripe's answer is lost: then nobody knows yet."""
        with provenance.acting("staff:1"), pytest.raises(Refusal) if refused else nullcontext():
            refund_payment(
                order_id=self.order_id,
                payment_intent=self._id("payment_intent"),
                amount=amount,
                reason="requested_by_customer",
            )

    def staff_returns_surplus(self, amount: int) -> None:
        with provenance.acting("staff:1"):
            return_surplus(order_id=self.order_id, amount=amount, call_id=uuid4())

    def shop_sweeps(self) -> None:
        """What was left to be done at Stripe is done before the deliveries."""
        sweep_open_calls(older_than=timedelta())

    def stripe_loses_answer(self, to: str) -> None:
        """It does what the next such request asks; the connection ends before it says so."""
        self._stripe.order_fault("timeout_after", to, seconds=1)

    def stripe_waits(self, days: int) -> None:
        self._stripe.advance(days * 24 * 3600)

    def stripe_delivers(self, event: str, number: int = 0) -> None:
        """What the shop has to know before the next step; it is among the story's deliveries once more."""
        of_type = [one for one in self._stripe.objects("event") if one["type"] == event]
        assert post_event(self._client, of_type[number - 1]).status_code == requests.codes.ok

    def stripe_rounds(self, part: str, by: int) -> None:
        """Another way than the shop, in the next Session: `part` is `discount` or `tax`, `by` in minor units."""
        self._stripe.shift_totals(part, by)

    def stripe_cancels_intent(self, intent: int = 0) -> None:
        """As from Stripe's dashboard."""
        self._stripe.in_dashboard("POST", f"/v1/payment_intents/{self._id('payment_intent', intent)}/cancel")

    def stripe_charges_wrongly(self, session: int = 0, **changes: Any) -> None:
        """`amount`, `currency` or `livemode` as it will be once the Session is paid."""
        self._order("/_sim/distortions", session=self._sessions[session - 1], **changes)

    def stripe_refunds(self, amount: int | None = None, begins: str = "succeeded", charge: int = 0) -> None:
        """As from Stripe's dashboard."""
        self._order("/_sim/refunds", next=begins)
        self._order("/_sim/refunds", charge=self._id("charge", charge), **({"amount": amount} if amount else {}))

    def stripe_moves_refund(self, to: str, refund: int = 0) -> None:
        self._order(f"/_sim/refunds/{self._id('refund', refund)}", status=to)

    def stripe_disputes(self, charge: int = 0, **values: Any) -> None:
        self._order("/_sim/disputes", charge=self._id("charge", charge), **values)

    def stripe_moves_dispute(self, to: str, dispute: int = 0) -> None:
        self._order(f"/_sim/disputes/{self._id('dispute', dispute)}", status=to)

    def stripe_reviews(self) -> None:
        self._order("/_sim/reviews", charge=self._id("charge"))

    def stripe_closes_review(self, reason: str) -> None:
        self._order(f"/_sim/reviews/{self._id('review')}", closed_reason=reason)

    def stranger_pays(self, amount: int) -> None:
        """At another shop of the same account: a Session that no call of ours has made."""
        body = {
            "mode": "payment",
            "success_url": "https://example.com/",
            "line_items[0][quantity]": "1",
            "line_items[0][price_data][currency]": "usd",
            "line_items[0][price_data][unit_amount]": str(amount),
            "line_items[0][price_data][product_data][name]": "Something else",
        }
        headers = {"Authorization": f"Bearer {ACCOUNT_KEYS['default']}", "Stripe-Version": CONTRACT.version}
        answer = requests.post(f"{self._stripe.base}/v1/checkout/sessions", body, headers=headers, timeout=TIMEOUT)
        assert answer.status_code == requests.codes.ok, answer.text
        self._stripe.pay(answer.json()["url"])

    def _open(self, answer: Any) -> None:
        """A Session is there to be paid."""
        assert answer.status_code == requests.codes.ok, answer.content
        opened = answer.json()
        self.order_id = self.order_id or opened["order_id"]
        self._sessions.append(opened["session_id"])

    def _ask(self, path: str, *, expected: int = requests.codes.ok, **fields: object) -> Any:
        answer = self._client.post(path, fields, content_type="application/json", headers=JSON)
        assert answer.status_code == expected, answer.content
        return answer

    def _id(self, kind: str, number: int = 0) -> str:
        return str(self._stripe.objects(kind)[number - 1]["id"])

    def _order(self, path: str, **body: Any) -> None:
        answer = requests.post(f"{self._stripe.base}{path}", json=body, timeout=TIMEOUT)
        assert answer.status_code == requests.codes.ok, answer.text


def later(hours: int) -> AbstractContextManager[object]:
    """By the shop's clock alone, whose checkout is then over while Stripe's Session is not yet."""
    return freeze_time(timezone.now() + timedelta(hours=hours), tick=True) if hours else nullcontext()
