"""Shoppers who buy over HTTP at a steady rate, and press again when there is no answer."""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http import HTTPStatus
from random import Random
from threading import Event, Thread
from typing import Any

import requests

from tests.chaos.house import drawn_from
from tests.chaos.paying import Payer
from tests.simulated import TIMEOUT, SimulatedStripe

# The demo's catalogue: what can lie in one basket is priced in one currency.
CURRENCIES = {"usd": (1, 2, 3, 7, 8), "eur": (4, 5, 9), "jpy": (6,)}
ACCOUNTS = {"usd": "default", "eur": "euro", "jpy": "default"}
# How it is bought and where it is paid, and how many in a hundred do so.
BUTTON, BASKET, HERE = "Buy button", "basket", "basket, paid on our page"
WAYS = {BUTTON: 45, BASKET: 28, HERE: 27}
FREE = "ONTHEHOUSE"
CODES = {"": 40, "SPRING15": 50, FREE: 10}
AT_ONCE = 12
PATIENCE_SECONDS = 45
PAUSE_SECONDS = 0.5

type Row = dict[str, Any]


@dataclass
class Purchase:
    """What its shopper saw of it.

    `opened` is the answer with the Session, or the client secret, to be paid; `openings` are the ids of all that tabs
    were shown; `beside` says that the other way to pay was opened too; `paid` is money taken at once, or, where there
    is nothing to pay, a Session completed.
    """

    way: str
    currency: str
    code: str = ""
    order_id: int | None = None
    opened: Row | None = None
    paid: bool = False
    openings: set[str] = field(default_factory=set)
    beside: bool = False


class Shoppers:
    """Their purchases, and what the shop answered them."""

    def __init__(self, url: str, stripe: SimulatedStripe, seed: str) -> None:
        self._url, self._seed = url, seed
        self._stopped, self._gone = Event(), Event()
        self._threads: list[Thread] = []
        self.payer = Payer(stripe)
        self.purchases: list[Purchase] = []
        self.answers: Counter[str] = Counter()
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
        purchase = Purchase(way=drawn(WAYS, rng), currency=rng.choice([*CURRENCIES]))
        self.purchases.append(purchase)
        account = ACCOUNTS[purchase.currency]
        with requests.Session() as browser:
            for opened in self._reach_payment(browser, purchase, rng):
                purchase.openings.add(payment_of(opened))
                purchase.opened = purchase.opened or opened
        if purchase.opened is not None:
            purchase.paid = self.payer.pay(purchase.opened, account, rng)
            if purchase.paid and purchase.code != FREE and rng.random() < 0.25:
                self.payer.refund_at_dashboard(payment_of(purchase.opened), account, rng)
        return purchase

    def _reach_payment(self, browser: requests.Session, purchase: Purchase, rng: Random) -> list[Row]:
        """What one or two tabs are answered: a Session's address, or a PaymentIntent's secret."""
        item = rng.choice(CURRENCIES[purchase.currency])
        if self._ask(browser, "GET", f"/item/{item}") is None:
            return []
        if purchase.way == BUTTON:
            answers = self._press(browser, rng, ("GET", "POST"), f"/buy/{item}")
        else:
            answers = self._check_out_basket(browser, purchase, item, rng)
        purchase.order_id = next((one["order_id"] for one in answers if "order_id" in one), purchase.order_id)
        return answers

    def _check_out_basket(self, browser: requests.Session, purchase: Purchase, item: int, rng: Random) -> list[Row]:
        """Sometimes the other way to pay is opened too, and left alone."""
        if not self._fill_basket(browser, purchase, item, rng):
            return []
        if purchase.way == BASKET:
            answers = self._press(browser, rng, ("POST",), "/basket/checkout")
            beside = "payment-intent"
        else:
            placed = self._ask(browser, "POST", "/basket/checkout", pay="here")
            if placed is None:
                return []
            purchase.order_id = placed.json()["order_id"]
            answers = self._press(browser, rng, ("POST",), f"/order/{purchase.order_id}/payment-intent")
            beside = "checkout"
        if answers and purchase.code != FREE and rng.random() < 0.15:
            order_id = purchase.order_id or answers[0]["order_id"]
            purchase.beside = self._ask(browser, "POST", f"/order/{order_id}/{beside}") is not None
        return answers

    def _fill_basket(self, browser: requests.Session, purchase: Purchase, item: int, rng: Random) -> bool:
        for one in {item, rng.choice(CURRENCIES[purchase.currency])}:
            if self._ask(browser, "POST", "/basket/items", item=one, quantity=rng.choice([1, 1, 2])) is None:
                return False
        # There is no PaymentIntent of nothing.
        purchase.code = drawn(
            {code: share for code, share in CODES.items() if purchase.way == BASKET or code != FREE}, rng
        )
        return not purchase.code or self._ask(browser, "POST", "/basket/discount", code=purchase.code) is not None

    def _press(self, browser: requests.Session, rng: Random, methods: Sequence[str], path: str) -> list[Row]:
        """In one tab or in two at once."""
        tabs = 2 if rng.random() < 0.1 else 1
        with ThreadPoolExecutor(tabs) as pressing:
            drawn_methods = [rng.choice(methods) for _ in range(tabs)]
            pressed = pressing.map(lambda method: self._ask(browser, method, path), drawn_methods)
            return [answer.json() for answer in pressed if answer is not None]

    def _ask(self, browser: requests.Session, method: str, path: str, **fields: object) -> requests.Response | None:
        """The answer 200, asked for until it comes or patience ends."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline and not self._gone.is_set():
            headers = {"Accept": "application/json", "X-CSRFToken": browser.cookies.get("csrftoken") or ""}
            try:
                answer = browser.request(
                    method, f"{self._url}{path}", json=fields or None, headers=headers, timeout=TIMEOUT
                )
            except requests.RequestException as error:
                self.answers[type(error).__name__] += 1
            else:
                self.answers[str(answer.status_code)] += 1
                if answer.status_code == HTTPStatus.OK:
                    return answer
            time.sleep(PAUSE_SECONDS)
        return None


def payment_of(opened: Row) -> str:
    """The id of the Session or PaymentIntent that was opened."""
    return str(opened.get("session_id") or opened["client_secret"].partition("_secret_")[0])


def drawn(shares: Mapping[str, int], rng: Random) -> str:
    [chosen] = rng.choices([*shares], [*shares.values()])
    return chosen
