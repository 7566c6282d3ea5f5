"""Shoppers who buy over HTTP at a steady rate, press again when there is no answer, and pay at Stripe's page."""

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http import HTTPStatus
from random import Random
from threading import Event, Thread
from typing import Any

import requests

from tests.chaos.house import drawn_from
from tests.contract import CONTRACT
from tests.simulated import ACCOUNT_KEYS, TIMEOUT, SimulatedStripe

ITEMS = range(1, 7)
AT_ONCE = 12
PATIENCE_SECONDS = 45
PAUSE_SECONDS = 0.5
DECLINED = "4000000000000002"

type Row = dict[str, Any]


@dataclass
class Purchase:
    """What its shopper saw of it: `sessions` counts different ones in two tabs, `paid` is money taken at once."""

    opened: Row | None = None
    paid: bool = False
    sessions: int = 0


class Shoppers:
    """Their purchases, and what the shop and Stripe answered them; `refunds` are those made at Stripe's dashboard."""

    def __init__(self, url: str, stripe: SimulatedStripe, seed: str) -> None:
        self._url, self._stripe, self._seed = url, stripe, seed
        self._stopped, self._gone = Event(), Event()
        self._threads: list[Thread] = []
        self.purchases: list[Purchase] = []
        self.answers: Counter[str] = Counter()
        self.refunds: Counter[str] = Counter()
        self.errors: list[str] = []

    def start(self, per_second: float) -> None:
        for number in range(AT_ONCE):
            thread = Thread(target=self._keep_buying, args=(number, AT_ONCE / per_second), daemon=True)
            thread.start()
            self._threads.append(thread)

    def stop(self) -> None:
        """Purchases under way are finished."""
        self._stopped.set()
        for thread in self._threads:
            thread.join(2 * PATIENCE_SECONDS)

    def give_up(self) -> None:
        """Nobody asks again: the shop is being closed."""
        self._stopped.set()
        self._gone.set()

    def _keep_buying(self, number: int, seconds: float) -> None:
        """One purchase every so many seconds, the first ones spread over them."""
        rng = drawn_from(self._seed, f"shopper {number}")
        due = time.monotonic() + seconds * number / AT_ONCE
        while not self._stopped.wait(max(0.0, due - time.monotonic())):
            due = max(due + seconds, time.monotonic())
            try:
                self.buy(rng)
            except Exception as error:  # noqa: BLE001 told at the end; a thread's own traceback would be lost
                self.errors.append(f"a shopper's purchase ended with {error!r}")

    def buy(self, rng: Random) -> Purchase:
        """All of one purchase: mostly paid by card, sometimes from two tabs, declined first, slowly, or not at all."""
        purchase = Purchase()
        self.purchases.append(purchase)
        item = rng.choice(ITEMS)
        with requests.Session() as browser:
            if self._ask(browser, "GET", f"/item/{item}") is None:
                return purchase
            tabs = 2 if rng.random() < 0.1 else 1
            with ThreadPoolExecutor(tabs) as pressing:
                methods = [rng.choice(["GET", "POST"]) for _ in range(tabs)]
                pressed = list(pressing.map(lambda method: self._ask(browser, method, f"/buy/{item}"), methods))
            opened = [answer.json() for answer in pressed if answer is not None]
            purchase.sessions = len({answer["session_id"] for answer in opened})
            if opened:
                purchase.opened = opened[0]
                purchase.paid = self._pay(opened[0]["url"], rng)
            if purchase.paid and rng.random() < 0.25:
                self._refund_at_dashboard(opened[0]["session_id"], "euro" if item in (4, 5) else "default", rng)
        return purchase

    def _ask(self, browser: requests.Session, method: str, path: str) -> requests.Response | None:
        """The answer 200, asked for until it comes or patience ends."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline and not self._gone.is_set():
            headers = {"Accept": "application/json", "X-CSRFToken": browser.cookies.get("csrftoken") or ""}
            try:
                answer = browser.request(method, f"{self._url}{path}", headers=headers, timeout=TIMEOUT)
            except requests.RequestException as error:
                self.answers[type(error).__name__] += 1
            else:
                self.answers[str(answer.status_code)] += 1
                if answer.status_code == HTTPStatus.OK:
                    return answer
            time.sleep(PAUSE_SECONDS)
        return None

    def _pay(self, url: str, rng: Random) -> bool:
        """Whether the money was taken at once."""
        way = rng.random()
        if way < 0.05:
            return False
        if way < 0.12:
            self._stripe.pay(url, **{"async": rng.choice(["1", "fail"])})
            return False
        if way < 0.2:
            self._stripe.pay(url, card=DECLINED)
        return self._stripe.pay(url).status_code == HTTPStatus.SEE_OTHER

    def _refund_at_dashboard(self, session: str, account: str, rng: Random) -> None:
        charge = self._charge_of(session, account)
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

    def _charge_of(self, session: str, account: str) -> str:
        """Asked of Stripe's API, hence by way of its faults."""
        headers = {"Authorization": f"Bearer {ACCOUNT_KEYS[account]}", "Stripe-Version": CONTRACT.version}
        url = f"{self._stripe.base}/v1/checkout/sessions/{session}?expand[]=payment_intent"
        for _ in range(20):
            try:
                answer = requests.get(url, headers=headers, timeout=TIMEOUT)
            except requests.RequestException:
                continue
            if answer.status_code == HTTPStatus.OK:
                return str(answer.json()["payment_intent"]["latest_charge"])
            time.sleep(PAUSE_SECONDS)
        raise TimeoutError(f"Stripe does not tell of {session}")
