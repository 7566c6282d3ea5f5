"""The stand-in Stripe as tests use it: pay at its hosted page, order its failures, take its events and post them."""

import json
import time
from collections.abc import Mapping
from typing import Any, Protocol

import requests
import stripe

from tests.contract import CONTRACT

ACCOUNT_KEYS = {"default": "sk_test_default", "euro": "sk_test_euro"}
PUBLISHABLE_KEYS = {"default": "pk_test_default", "euro": "pk_test_euro"}
SECRETS = {"default": "whsec_default", "euro": "whsec_euro"}
TIMEOUT = 20

type Event = dict[str, Any]


class Postable(Protocol):
    """What of Django's test client is needed to post a delivery."""

    def post(self, path: str, data: bytes, *, content_type: str, headers: Mapping[str, str]) -> Any: ...


class SimulatedStripe:
    """A client of the simulator's own interface, `/_sim/*` and the hosted page."""

    def __init__(self, base: str) -> None:
        self.base = base

    def reset(self) -> None:
        self._control("DELETE", "/_sim/state")
        self._control("DELETE", "/_sim/faults")

    def pay(self, url: str, *, card: str = "4242424242424242", **form: str) -> requests.Response:
        """Submit the hosted page; the redirect back to the shop is not followed."""
        fields = {"email": "shopper@example.com", "card_number": card, "exp": "12/40", "cvc": "123", **form}
        return requests.post(url, data=fields, allow_redirects=False, timeout=TIMEOUT)

    def confirm(
        self,
        client_secret: str,
        *,
        card: str = "4242424242424242",
        account: str = "default",
        return_url: str = "http://shop.test/",
        **form: str,
    ) -> Any:
        """Confirm a PaymentIntent as Stripe.js does; answers the intent or `{"error": …}`. In place of a card,
        `**{"payment_method_data[type]": "bank_debit"}`.
        """
        values = {"number": card, "exp_month": "12", "exp_year": "40", "cvc": "123"}
        fields = {f"payment_method_data[card][{name}]": value for name, value in values.items()}
        fields |= {"payment_method_data[type]": "card", "return_url": return_url, "client_secret": client_secret}
        fields |= {"key": PUBLISHABLE_KEYS[account], **form}
        intent = client_secret.partition("_secret_")[0]
        return requests.post(f"{self.base}/js/payment_intents/{intent}/confirm", fields, timeout=TIMEOUT).json()

    def order_fault(
        self, fault: str, match: str = "POST /v1/checkout/sessions", *, times: int = 1, seconds: float = 0
    ) -> None:
        self._control("POST", "/_sim/faults", {"fault": fault, "match": match, "times": times, "seconds": seconds})

    def forget_faults(self) -> None:
        self._control("DELETE", "/_sim/faults")

    def advance(self, seconds: int) -> None:
        self._control("POST", "/_sim/advance", {"seconds": seconds})

    def refund(self, charge: str, **fields: int) -> str:
        """As from Stripe's dashboard; answers the refund's id."""
        return str(self._control("POST", "/_sim/refunds", {"charge": charge, **fields})["id"])

    def begin_refunds(self, status: str) -> None:
        """The status in which the next refund begins, instead of `succeeded`."""
        self._control("POST", "/_sim/refunds", {"next": status})

    def dispute(self, charge: str, **fields: str | int) -> str:
        return str(self._control("POST", "/_sim/disputes", {"charge": charge, **fields})["id"])

    def review(self, charge: str) -> None:
        self._control("POST", "/_sim/reviews", {"charge": charge})

    def move(self, kind: str, object_id: str, **fields: str) -> None:
        """Let a refund, dispute or review go on: `move("disputes", "du_…", status="won")`."""
        self._control("POST", f"/_sim/{kind}/{object_id}", fields)

    def distort(self, session: str, **fields: str | int | bool) -> None:
        """What this Session, its intent and its charge say of money from its payment on."""
        self._control("POST", "/_sim/distortions", {"session": session, **fields})

    def shift_totals(self, part: str, offset: int, *, account: str = "default", times: int = 1) -> None:
        """Let the `subtotal`, `discount` or `tax` of the next Sessions' first lines be off by minor units."""
        order = {"part": part, "offset": offset, "times": times, "key": ACCOUNT_KEYS[account]}
        self._control("POST", "/_sim/distortions", order)

    def pay_out(self, *, account: str = "default", **order: int | str) -> str:
        """A manual payout, of all that is available unless an `amount` is given; answers its id."""
        return str(self._control("POST", "/_sim/payouts", {"key": ACCOUNT_KEYS[account], **order})["id"])

    def distort_books(self, **order: int | str) -> Any:
        """`hide="ch_…"`, `show="ch_…"` or `source="ch_…", fee=100`; or `foreign=` a secret key with an `amount`."""
        return self._control("POST", "/_sim/books", order)

    def tell_account(self, account: str = "default", **settings: str) -> None:
        """`payouts="automatic"`, `settlement_currency="usd"` …: simulator/accounts.py."""
        self._control("POST", "/_sim/accounts", {"key": ACCOUNT_KEYS[account], **settings})

    def in_dashboard(self, method: str, path: str, account: str = "default", **fields: str) -> Event:
        """What a person changes at Stripe: `in_dashboard("DELETE", "/v1/coupons/…")`; fields are form fields."""
        headers = {"Authorization": f"Bearer {ACCOUNT_KEYS[account]}", "Stripe-Version": CONTRACT.version}
        answer = requests.request(method, f"{self.base}{path}", data=fields, headers=headers, timeout=TIMEOUT)
        answer.raise_for_status()
        changed: Event = answer.json()
        return changed

    def objects(self, kind: str, account: str = "default") -> list[Any]:
        state = self._control("GET", f"/_sim/state?key={ACCOUNT_KEYS[account]}")
        found: list[Any] = state["objects"].get(kind, [])
        return found

    def event(self, event_type: str, account: str = "default") -> Event:
        """The newest event of that type."""
        events: list[Event] = self.objects("event", account)
        return [event for event in events if event["type"] == event_type][-1]

    def requests_of(self, method: str, path: str) -> list[Any]:
        received = self._control("GET", "/_sim/requests")["requests"]
        return [request for request in received if (request["method"], request["path"]) == (method, path)]

    def _control(self, method: str, path: str, body: object = None) -> Any:
        answer = requests.request(method, f"{self.base}{path}", json=body, timeout=TIMEOUT)
        answer.raise_for_status()
        return answer.json()


def signed(payload: bytes, secret: str = SECRETS["default"], timestamp: int | None = None) -> str:
    """The Stripe-Signature header of a body, signed now."""
    header = stripe.WebhookSignature.generate_signature_header(
        payload.decode(), secret, timestamp=int(time.time()) if timestamp is None else timestamp
    )
    return str(header)


def post_event(client: Postable, event: Event, account: str = "default", secret: str | None = None) -> Any:
    """Post an event to the account's endpoint as Stripe would."""
    payload = json.dumps(event).encode()
    header = signed(payload, secret or SECRETS[account])
    return client.post(
        f"/webhooks/stripe/{account}/",
        payload,
        content_type="application/json",
        headers={"Stripe-Signature": header},
    )
