"""A simulator in its own process, and a web shop's side of it: a webhook receiver."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

import requests
import stripe

from simulator.contract import Contract

PROJECT = Path(__file__).parents[2]
CARD = {"email": "ada@example.com", "card_number": "4242 4242 4242 4242", "exp": "12 / 40", "cvc": "123"}


class RunningSimulator:
    """`python -m simulator` on a free port, checking all its own answers."""

    def __init__(self, *arguments: str) -> None:
        command = [sys.executable, "-m", "simulator", "--self-check", *arguments]
        self.process = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert self.process.stdout
        self.first_line = self.process.stdout.readline().strip()
        self.url = self.first_line.removeprefix("simulator: ")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stop()

    def stop(self) -> tuple[int, str]:
        """SIGTERM; answers the exit status and what was said on stderr."""
        if self.process.poll() is None:
            self.process.terminate()
        _, errors = self.process.communicate(timeout=5)
        return self.process.returncode, errors

    def control(self, method: str, path: str, **body: Any) -> Any:
        response = requests.request(method, f"{self.url}/_sim/{path}", json=body, timeout=5)
        assert response.ok, response.text
        return response.json()

    def order_fault(self, fault: str, match: str = "", times: int = 1, seconds: float = 0) -> None:
        self.control("POST", "faults", fault=fault, match=match, times=times, seconds=seconds)


class Shop:
    """One account of a simulator, spoken to as stripe-python and a shopper's browser would."""

    def __init__(self, simulator: RunningSimulator, key: str) -> None:
        self.simulator, self.key = simulator, key
        self._http = stripe.RequestsClient()
        self.stripe = stripe.StripeClient(
            key, base_addresses={"api": simulator.url}, http_client=self._http, max_network_retries=0
        )

    def close(self) -> None:
        self._http.close()  # type: ignore[no-untyped-call]

    def request(self, method: str, path: str, *, timeout: float = 5, **options: Any) -> requests.Response:
        """A raw API request; whatever JSON comes back has to satisfy the contract."""
        contract = Contract.load()
        headers = {"Authorization": f"Bearer {self.key}", "Stripe-Version": contract.version}
        headers |= options.pop("headers", {})
        response = requests.request(method, self.simulator.url + path, headers=headers, timeout=timeout, **options)
        contract.check_answer(response.json())
        return response

    def open_session(self, amount: int = 2000, currency: str = "usd", **params: Any) -> stripe.checkout.Session:
        return self.stripe.v1.checkout.sessions.create(session_params(amount, currency, **params))  # type: ignore[arg-type]

    def pay(self, session: stripe.checkout.Session, **form: str) -> requests.Response:
        """Submit the hosted page as a browser would, without following it back to the shop."""
        assert session.url
        return requests.post(session.url, data=CARD | form, allow_redirects=False, timeout=5)

    def buy(self, amount: int = 2000, currency: str = "usd", **form: str) -> stripe.Charge:
        """A session opened and paid; answers the charge behind it."""
        self.pay(self.open_session(amount, currency), **form)
        return self.stripe.v1.charges.list({"limit": 1}).data[0]

    def open_intent(self, amount: int = 2000, currency: str = "usd", **params: Any) -> stripe.PaymentIntent:
        return self.stripe.v1.payment_intents.create({"amount": amount, "currency": currency, **params})  # type: ignore[typeddict-item]

    def confirm(
        self, intent: stripe.PaymentIntent, number: str = "4242424242424242", *, key: str = "", **form: str
    ) -> Any:
        """As Stripe.js does with a card; answers the intent or `{"error": ...}`."""
        card = {"number": number, "exp_month": "12", "exp_year": "40", "cvc": "123"}
        fields = {"key": key or "pk_test_any", "client_secret": str(intent.client_secret)}
        fields |= {"return_url": "http://shop.test/order/7?x=1", "payment_method_data[type]": "card"}
        fields |= {f"payment_method_data[card][{name}]": value for name, value in card.items()}
        url = f"{self.simulator.url}/js/payment_intents/{intent.id}/confirm"
        response = requests.post(url, fields | form, timeout=5)
        assert response.ok is ("error" not in response.json())
        return response.json()

    def authenticate(self, intent: dict[str, Any], answer: str = "confirm") -> str:
        """Press `confirm` or `refuse` at the bank's page; answers where that leads."""
        url = intent["next_action"]["redirect_to_url"]["url"]
        return requests.post(url, {answer: "1"}, allow_redirects=False, timeout=5).headers["Location"]

    def newest_event(self, kind: str) -> stripe.Event:
        return self.stripe.v1.events.list({"type": kind, "limit": 1}).data[0]

    def newest_data(self, kind: str) -> dict[str, Any]:
        """Of the newest event of that type: its `object` and `previous_attributes`, as plain JSON."""
        [event] = self.request("GET", f"/v1/events?type={kind}&limit=1").json()["data"]
        data: dict[str, Any] = event["data"]
        return data

    def event_types(self) -> list[str]:
        """Oldest first."""
        return [str(event.type) for event in self.stripe.v1.events.list({"limit": 100}).data][::-1]


def session_params(amount: int = 2000, currency: str = "usd", **params: Any) -> dict[str, Any]:
    price = {"currency": currency, "unit_amount": amount, "product_data": {"name": "Fountain pen"}}
    return {
        "mode": "payment",
        "line_items": [{"price_data": price, "quantity": 1}],
        "success_url": "http://shop.test/done?session={CHECKOUT_SESSION_ID}",
        "cancel_url": "http://shop.test/basket",
        **params,
    }


def encode_form(value: Any, name: str = "") -> dict[str, str]:
    """Brackets for nesting, as stripe-python sends them."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    if pairs is None:
        return {name: str(value)}
    return {
        inner: text
        for key, item in pairs
        for inner, text in encode_form(item, f"{name}[{key}]" if name else str(key)).items()
    }


class Receiver:
    """Takes webhooks; answers with the next of `answers`, then with 200."""

    def __init__(self, answers: Sequence[int] = ()) -> None:
        self.answers = list(answers)
        self.received: list[tuple[stripe.Event, bytes, dict[str, str]]] = []
        self.secret = "whsec_test"
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                payload = self.rfile.read(int(self.headers["Content-Length"]))
                signature = self.headers["Stripe-Signature"]
                event = stripe.Webhook.construct_event(payload, signature, receiver.secret)
                receiver.received.append((event, payload, dict(self.headers)))
                self.send_response(receiver.answers.pop(0) if receiver.answers else 200)
                self.send_header("Location", receiver.url)  # which only a redirect would make anyone follow
                self.end_headers()

            def log_message(self, *_arguments: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/webhooks"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def types(self) -> list[str]:
        return [event.type for event, _, _ in self.received]


def wait_until(condition: Callable[[], bool], seconds: float = 5) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)
