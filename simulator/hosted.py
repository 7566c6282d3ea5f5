"""The hosted payment page, `/c/pay/<session id>`: plain HTML forms, no script."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlsplit

from aiohttp import web

from simulator.pages import Bill, render_closed, render_form, render_missing
from simulator.payments import CARDS, PaymentMethod, complete_session, pay_by_card, pay_by_slow_method
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
            card = CARDS[card_form.card_number]
            pay_by_card(scope, session, card, card_form.method(), email)
            if card.refusal:
                refused = CardForm(card_form.values, {"card_number": f"{card.refusal.message} Try another card."})
                return self._page(scope, session, refused, HTTPStatus.PAYMENT_REQUIRED)
        return _redirect(session["success_url"], session)

    def _find(self, request: web.Request) -> tuple[Scope, Json]:
        found = self.world.store.find_object("checkout.session", request.match_info["session"])
        if not found:
            page = render_missing()
            raise web.HTTPNotFound(text=page, content_type="text/html", headers=_security_headers())
        account, session = found
        return Scope(self.world, account), session

    def _page(
        self, scope: Scope, session: Json, form: CardForm | None = None, status: HTTPStatus = HTTPStatus.OK
    ) -> web.Response:
        form = form or CardForm({"email": session["customer_email"] or ""}, {})
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


def _redirect(url: str, session: Json) -> web.Response:
    """303 to the shop; `{CHECKOUT_SESSION_ID}` is the only thing that Stripe fills in."""
    location = url.replace("{CHECKOUT_SESSION_ID}", session["id"])
    return web.Response(status=HTTPStatus.SEE_OTHER, headers={"Location": location, "Cache-Control": "no-store"})


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
