"""Paying what a shop has opened: at Stripe's page, or with Stripe.js on the shop's; and what is refunded at Stripe."""

import time
from collections import Counter
from http import HTTPStatus
from random import Random
from typing import Any

import requests

from tests.contract import CONTRACT
from tests.simulated import ACCOUNT_KEYS, TIMEOUT, SimulatedStripe

PAUSE_SECONDS = 0.5
GOOD, DECLINED, ASKS = "4242424242424242", "4000000000000002", "4000002500003155"
DEBIT = {"payment_method_data[type]": "bank_debit"}

type Row = dict[str, Any]


class Payer:
    """`refunds` counts those made at Stripe's dashboard."""

    def __init__(self, stripe: SimulatedStripe) -> None:
        self._stripe = stripe
        self.refunds: Counter[str] = Counter()

    def pay(self, opened: Row, account: str, rng: Random) -> bool:
        """Whether the money was taken at once; some leave, pay slowly, are declined first, or asked by their bank."""
        way = rng.random()
        if way < 0.05:
            return False
        slow, card = way < 0.12, ASKS if 0.2 <= way < 0.3 else GOOD
        if "client_secret" in opened:
            return self._confirm(opened["client_secret"], account, rng, card=card, slow=slow, declined=way < 0.2)
        return self._fill_in(opened["url"], rng, card=card, slow=slow, declined=way < 0.2)

    def _fill_in(self, url: str, rng: Random, *, card: str, slow: bool, declined: bool) -> bool:
        if slow:
            self._stripe.pay(url, **{"async": rng.choice(["1", "fail"])})
            return False
        if declined:
            self._stripe.pay(url, card=DECLINED)
        answer = self._stripe.pay(url, card=card)
        if answer.status_code == HTTPStatus.SEE_OTHER and "/c/3ds/" in answer.headers["Location"]:
            return self._answer_the_bank(answer.headers["Location"], rng)
        return answer.status_code == HTTPStatus.SEE_OTHER

    def _confirm(self, secret: str, account: str, rng: Random, *, card: str, slow: bool, declined: bool) -> bool:
        if slow:
            fails = {"payment_method_data[bank_debit][fails]": rng.choice(["true", "false"])}
            self._stripe.confirm(secret, account=account, **DEBIT, **fails)
            return False
        if declined:
            self._stripe.confirm(secret, account=account, card=DECLINED)
        intent = self._stripe.confirm(secret, account=account, card=card)
        if intent.get("status") == "requires_action":
            return self._answer_the_bank(intent["next_action"]["redirect_to_url"]["url"], rng)
        return bool(intent.get("status") == "succeeded")

    def _answer_the_bank(self, page: str, rng: Random) -> bool:
        confirms = rng.random() < 0.8
        form = {"confirm": "1"} if confirms else {"refuse": "1"}
        requests.post(page, form, allow_redirects=False, timeout=TIMEOUT).raise_for_status()
        return confirms

    def refund_at_dashboard(self, payment: str, account: str, rng: Random) -> None:
        """Of the Session or PaymentIntent of this id."""
        charge = self._charge_of(payment, account)
        time.sleep(rng.uniform(0, 2))
        for _ in range(rng.choice([1, 1, 2])):
            try:
                refund = self._stripe.refund(charge, **rng.choice([{}, {"amount": 300}]))
            except requests.HTTPError:
                # The rest was given back before, by us or here.
                self.refunds["refused"] += 1
                continue
            self.refunds["made"] += 1
            if rng.random() < 0.15:
                time.sleep(rng.uniform(0, 1))
                self._stripe.move("refunds", refund, status="failed", failure_reason="expired_or_canceled_card")
                self.refunds["failed later"] += 1

    def _charge_of(self, payment: str, account: str) -> str:
        """Asked of Stripe's API, hence by way of its faults."""
        headers = {"Authorization": f"Bearer {ACCOUNT_KEYS[account]}", "Stripe-Version": CONTRACT.version}
        is_session = payment.startswith("cs_")
        path = f"checkout/sessions/{payment}?expand[]=payment_intent" if is_session else f"payment_intents/{payment}"
        for _ in range(20):
            try:
                answer = requests.get(f"{self._stripe.base}/v1/{path}", headers=headers, timeout=TIMEOUT)
            except requests.RequestException:
                continue
            if answer.status_code == HTTPStatus.OK:
                found = answer.json()
                return str((found["payment_intent"] if is_session else found)["latest_charge"])
            time.sleep(PAUSE_SECONDS)
        raise TimeoutError(f"Stripe does not tell of {payment}")
