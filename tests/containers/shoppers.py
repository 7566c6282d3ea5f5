"""Shoppers who buy at a steady rate over TLS, and count whatever does not go as it should."""

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from threading import Event, Thread
from typing import Any

import requests
from requests.adapters import HTTPAdapter

from tests.simulated import TIMEOUT, SimulatedStripe

PATIENCE_SECONDS = 60
AT_ONCE = 16


class At(HTTPAdapter):
    """Whatever the address, the certificate must be this name's."""

    def __init__(self, name: str) -> None:
        self._name = name
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, server_hostname=self._name, assert_hostname=self._name, **kwargs)


class Shoppers:
    """`failed` holds each answer that was not 200, `orders` what was bought."""

    def __init__(self, name: str, authority: str, stripe: SimulatedStripe) -> None:
        self._name, self._authority, self._stripe = name, authority, stripe
        self._stopped = Event()
        self.orders: list[int] = []
        self.unpaid: list[int] = []
        self.failed: Counter[str] = Counter()
        self.requests = 0
        self.slowest = 0.0

    def start(self, per_second: float) -> None:
        self._thread = Thread(target=self._come, args=(1 / per_second,))
        self._thread.start()

    def stop(self) -> None:
        """Purchases under way are finished."""
        self._stopped.set()
        self._thread.join()

    def new_session(self) -> requests.Session:
        session = requests.Session()
        session.trust_env = False  # REQUESTS_CA_BUNDLE would be asked in place of `verify`
        session.mount("https://", At(self._name))
        session.verify = self._authority
        session.headers.update({"Host": self._name, "Accept": "application/json"})
        return session

    def _come(self, pause: float) -> None:
        """They come when they come, however slowly those before are served."""
        due = time.monotonic()
        with ThreadPoolExecutor(AT_ONCE) as shoppers:
            while not self._stopped.is_set():
                shoppers.submit(self._buy)
                due += pause
                time.sleep(max(0.0, due - time.monotonic()))

    def _buy(self) -> None:
        with self.new_session() as session:
            if self._ask(session, "/item/1") is None:
                return
            opened = self._ask(session, "/buy/1")
            if opened is None:
                return
            number = opened.json()["order_id"]
            self.orders.append(number)
            self._stripe.pay(opened.json()["url"])
            deadline = time.monotonic() + PATIENCE_SECONDS
            while time.monotonic() < deadline:
                status = self._ask(session, f"/order/{number}/status")
                if status is not None and status.json()["state"] == "paid":
                    return
                time.sleep(0.5)
            self.unpaid.append(number)

    def _ask(self, session: requests.Session, path: str) -> requests.Response | None:
        self.requests += 1
        started = time.monotonic()
        try:
            answer = session.get(f"https://127.0.0.1{path}", timeout=TIMEOUT)
        except requests.RequestException as error:
            self.failed[f"{path.rstrip('0123456789')}: {type(error).__name__}"] += 1
            return None
        self.slowest = max(self.slowest, time.monotonic() - started)
        if answer.status_code != HTTPStatus.OK:
            self.failed[f"{path.rstrip('0123456789')}: {answer.status_code}"] += 1
            return None
        return answer
