"""Pages that shoppers are sent to: plain HTML forms, no script.

GET|POST /c/pay/<session id>  the hosted payment page
GET|POST /c/3ds/<intent id>   the bank's page for a card that its owner has to confirm: `confirm=1` or `refuse=1`
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlsplit

from aiohttp import web

from simulator.authentication import answer_authentication, is_asked_for, return_address
from simulator.checkout import complete_if_paid, complete_session, pay_by_card, pay_by_slow_method
from simulator.methods import CARDS, NOT_AUTHENTICATED, PaymentMethod
from simulator.pages import Bill, render_authentication, render_closed, render_form, render_missing
from simulator.payments import session_of
from simulator.resources.checkout_pricing import breakdown, coupon_of
from simulator.resources.checkout_sessions import line_items
from simulator.state import Json
from simulator.world import Scope, World

ASSETS = Path(__file__).with_name("templates")
_EXPIRY = re.compile(r"(0?[1-9]|1[0-2])\s*/\s*(?:20)?(\d{2})")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


@dataclass(frozen=True)
class CardForm:
    """What the shopper typed, as typed, and what is wrong with it by field."""

    values: dict[str, str]
    errors: dict[str, str]

    @classmethod
    def read(cls, form: Mapping[str, str], today: datetime) -> "CardForm":
        values = {name: form.get(name, "").strip() for name in ("email", "card_number", "exp", "cvc")}
        number = re.sub(r"[\s-]", "", values["card_number"])
        problems = {
            "email": None if _EMAIL.fullmatch(values["email"]) else "Enter your email address.",
            "card_number": None if number in CARDS else "Your card number is invalid. Use one of the test cards below.",
            "exp": None
            if _is_future(values["exp"], today)
            else "Your card's expiration date is incomplete or in the past.",
            "cvc": None if re.fullmatch(r"\d{3,4}", values["cvc"]) else "Your card's security code is incomplete.",
        }
        return cls(values, {name: problem for name, problem in problems.items() if problem})

    @property
    def card_number(self) -> str:
        return re.sub(r"\D", "", self.values["card_number"])

    def method(self) -> PaymentMethod:
        month, year = _EXPIRY.fullmatch(self.values["exp"]).groups()  # type: ignore[union-attr]
        return PaymentMethod.from_card(self.card_number, int(month), 2000 + int(year))


class HostedPage:
    """The page's handlers."""

    def __init__(self, world: World) -> None:
        self.world = world

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/c/pay/{session}", self.show),
            web.post("/c/pay/{session}", self.submit),
            web.get("/c/3ds/{intent}", self.show_authentication),
            web.post("/c/3ds/{intent}", self.answer_authentication),
            web.get("/c/assets/checkout.css", self.stylesheet),
        ]

    async def show(self, request: web.Request) -> web.Response:
        scope, session = self._find(request)
        return self._page(scope, session)

    async def submit(self, request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        scope, session = self._find(request)
        if form.get("cancel") and session["cancel_url"]:
            return _redirect(session["cancel_url"], session)
        if session["status"] != "open":
            return self._page(scope, session)
        answer = self._pay(scope, session, form)
        self.world.store.flush()
        return answer

    async def show_authentication(self, request: web.Request) -> web.Response:
        scope, intent = self._find_waiting(request)
        session = session_of(scope, intent)
        back = intent["next_action"]["redirect_to_url"]["return_url"]
        headers = _security_headers(back, session["success_url"] if session else None)
        return web.Response(text=render_authentication(intent), content_type="text/html", headers=headers)

    async def answer_authentication(self, request: web.Request) -> web.Response:
        form = await request.post()
        scope, intent = self._find_waiting(request)
        noted = answer_authentication(scope, intent, confirmed="confirm" in form)
        address = return_address(intent, noted["return_url"])
        if session := session_of(scope, intent):
            complete_if_paid(scope, session, intent, noted["email"])
            address = session["success_url"] if session["status"] == "complete" else noted["return_url"]
            address = _fill_in(address, session)
        self.world.store.flush()
        return _see_other(address)

    async def stylesheet(self, _request: web.Request) -> web.FileResponse:
        return web.FileResponse(ASSETS / "checkout.css", headers={"Cache-Control": "no-cache"})

    def _pay(self, scope: Scope, session: Json, form: Mapping[str, str]) -> web.Response:
        email = form.get("email", "").strip() or None
        if session["amount_total"] == 0:
            complete_session(scope, session, "no_payment_required", email)
        elif form.get("async"):
            method = PaymentMethod.slow(session["currency"])
            pay_by_slow_method(scope, session, method, email, fails=form["async"] == "fail")
        else:
            card_form = CardForm.read(form, datetime.fromtimestamp(scope.now, UTC))
            if card_form.errors:
                return self._page(scope, session, card_form, HTTPStatus.UNPROCESSABLE_ENTITY)
            intent = pay_by_card(scope, session, card_form.method(), email)
            if is_asked_for(intent):
                return _redirect(intent["next_action"]["redirect_to_url"]["url"], session)
            if intent["status"] != "succeeded":
                message = f"{intent['last_payment_error']['message']} Try another card."
                refused = CardForm(card_form.values, {"card_number": message})
                return self._page(scope, session, refused, HTTPStatus.PAYMENT_REQUIRED)
        return _redirect(session["success_url"], session)

    def _find(self, request: web.Request) -> tuple[Scope, Json]:
        found = self.world.store.find_object("checkout.session", request.match_info["session"])
        if not found:
            raise _not_found()
        account, session = found
        return Scope(self.world, account), session

    def _find_waiting(self, request: web.Request) -> tuple[Scope, Json]:
        """The PaymentIntent that its shopper has to confirm."""
        found = self.world.store.find_object("payment_intent", request.match_info["intent"])
        if not found or not is_asked_for(found[1]):
            raise _not_found()
        return Scope(self.world, found[0]), found[1]

    def _page(
        self, scope: Scope, session: Json, form: CardForm | None = None, status: HTTPStatus = HTTPStatus.OK
    ) -> web.Response:
        form = form or CardForm({"email": session["customer_email"] or ""}, _failed_authentication(scope, session))
        if session["status"] == "open":
            items = line_items(scope, session["id"])
            bill = Bill(session, items, breakdown(scope, session), coupon_of(scope, session))
            page = render_form(bill, form.values, form.errors)
        else:
            page = render_closed(session)
        headers = _security_headers(session["success_url"], session["cancel_url"])
        return web.Response(status=status, text=page, content_type="text/html", headers=headers)


def _is_future(exp: str, today: datetime) -> bool:
    match = _EXPIRY.fullmatch(exp)
    return match is not None and (2000 + int(match[2]), int(match[1])) >= (today.year, today.month)


def _failed_authentication(scope: Scope, session: Json) -> dict[str, str]:
    """The shopper comes back from the bank's page by a redirect, so the page has to look for what is wrong."""
    intent = scope.account.find("payment_intent", session["payment_intent"] or "")
    error = (intent and intent["last_payment_error"]) or {}
    return {"card_number": NOT_AUTHENTICATED.message} if error.get("code") == NOT_AUTHENTICATED.code else {}


def _not_found() -> web.HTTPNotFound:
    return web.HTTPNotFound(text=render_missing(), content_type="text/html", headers=_security_headers())


def _redirect(url: str, session: Json) -> web.Response:
    return _see_other(_fill_in(url, session))


def _fill_in(url: str, session: Json) -> str:
    """`{CHECKOUT_SESSION_ID}` is the only thing that Stripe fills in."""
    return url.replace("{CHECKOUT_SESSION_ID}", session["id"])


def _see_other(url: str) -> web.Response:
    return web.Response(status=HTTPStatus.SEE_OTHER, headers={"Location": url, "Cache-Control": "no-store"})


def _security_headers(*destinations: str | None) -> dict[str, str]:
    """A form's redirect counts as its action in Chromium, so the shop's origins have to be admitted."""
    parts = [urlsplit(url) for url in destinations if url]
    origins = " ".join(sorted({f"{part.scheme}://{part.netloc}" for part in parts}))
    policy = f"default-src 'none'; style-src 'self'; img-src data:; form-action 'self' {origins}"
    return {
        "Content-Security-Policy": f"{policy}; base-uri 'none'; frame-ancestors 'none'",
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
