"""Performs a story's steps: the shop by Django's test client, Stripe by the simulator; then takes what Stripe made."""

import json
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import timedelta
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

import pytest
import requests
from django.test import Client
from django.utils import timezone
from freezegun import freeze_time

from core.eventlog import provenance
from core.refusals import Refusal
from orders.services.canceling import cancel_order
from orders.services.refunding import refund_payment
from tests.contract import CONTRACT
from tests.convergence.stories import Step, Story, Twin
from tests.simulated import ACCOUNT_KEYS, TIMEOUT, Event, SimulatedStripe, post_event

CARDS = {"good": "4242424242424242", "declined": "4000000000000002", "without funds": "4000000000009995"}
METHODS = {"bank": "1", "bank, in vain": "fail"}


class Captured(NamedTuple):
    """An event as Stripe's side made it, and the account to whose endpoint it is posted."""

    account: str
    event: Event

    @property
    def payload(self) -> bytes:
        return json.dumps(self.event).encode()

    def __str__(self) -> str:
        status = self.event["data"]["object"].get("status")
        return f"{self.event['type']} ({status})" if status else str(self.event["type"])


class Stage:
    """Who acts in a story: `{ shopper = "pays", card = "declined" }` is `shopper_pays(card="declined")`.

    Where a story has several of a kind they are numbered as they came, from 1; without a number it is the newest.
    """

    def __init__(self, client: Client, item_id: int, stripe: SimulatedStripe) -> None:
        self._client, self._item_id, self._stripe = client, item_id, stripe
        self.order_id = 0
        self._sessions: list[str] = []

    def perform(self, story: Story) -> list[Captured]:
        """The story's deliveries, in the order in which Stripe made their events, twins last."""
        for step in story.steps:
            self._perform(step)
        left_open = [one["id"] for one in self._stripe.objects("checkout.session") if one["status"] == "open"]
        assert not left_open, "what is done at Stripe after the deliveries would make each sequence another story"
        return capture(story, self._stripe.objects("event"))

    def _perform(self, step: Step) -> None:
        who, *_ = step
        options = {name: value for name, value in step.items() if name != who}
        getattr(self, f"{who}_{step[who]}".replace(" ", "_"))(**options)

    def shopper_buys(self, hours_later: int = 0) -> None:
        """Hours later by the shop's clock alone, whose checkout is then over while Stripe's Session is not yet."""
        later = freeze_time(timezone.now() + timedelta(hours=hours_later), tick=True) if hours_later else nullcontext()
        with later:
            answer = self._client.get(f"/buy/{self._item_id}")
        bought = answer.json()
        assert answer.status_code == requests.codes.ok, bought
        self.order_id = self.order_id or bought["order_id"]
        self._sessions.append(bought["session_id"])

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

    def stripe_loses_answer(self, to: str) -> None:
        """It does what the next such request asks; the connection ends before it says so."""
        self._stripe.order_fault("timeout_after", to, seconds=1)

    def stripe_waits(self, days: int) -> None:
        self._stripe.advance(days * 24 * 3600)

    def stripe_delivers(self, event: str) -> None:
        """What the shop has to know before the next step; it is among the story's deliveries once more."""
        post_event(self._client, self._stripe.event(event))

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

    def _id(self, kind: str, number: int = 0) -> str:
        return str(self._stripe.objects(kind)[number - 1]["id"])

    def _order(self, path: str, **body: Any) -> None:
        answer = requests.post(f"{self._stripe.base}{path}", json=body, timeout=TIMEOUT)
        assert answer.status_code == requests.codes.ok, answer.text


def capture(story: Story, events: list[Event]) -> list[Captured]:
    """What is delivered of all events, each checked against Stripe's description of its API."""
    delivered = [event for event in events if not any(fnmatchcase(event["type"], lost) for lost in story.lost)]
    types = tuple(event["type"] for event in delivered)
    assert types == story.deliveries, f"Stripe made {types}"
    captured = [Captured("default", event) for event in delivered]
    captured += [twin_of(events, twin, number) for number, twin in enumerate(story.twins)]
    for one in captured:
        CONTRACT.check_answer(one.event)
    return captured


def twin_of(events: list[Event], twin: Twin, number: int) -> Captured:
    original = next(event for event in events if event["type"] == twin.of)
    asked = {"livemode": twin.livemode, "api_version": twin.api_version}
    changes = {name: value for name, value in asked.items() if value is not None}
    return Captured(twin.to, {**original, "id": f"{original['id']}_{number}", **changes})


def describe(sequence: list[Captured]) -> Iterator[str]:
    for number, one in enumerate(sequence, start=1):
        elsewhere = "" if one.account == "default" else f" at {one.account}"
        yield f"{number}. {one} {one.event['id']}{elsewhere}"
