"""The stand-in Stripe.js: its script, the frame with its fields, and what the two ask of Stripe.

GET  /js/stripe.js                             for the shop's page: `window.Stripe`
GET  /js/elements/payment                      the frame that holds card data, which the shop's page never sees
GET  /js/payment_intents/<id>?key&client_secret  answers the intent, as much of it as a publishable key may see
POST /js/payment_intents/<id>/confirm          form: `key`, `client_secret`, and what confirmation.py reads

Stripe's own script posts to `/v1/payment_intents/<id>/confirm`; the contract has no card numbers, so these have a
path of their own. A client secret finds its intent; accounts.py says which publishable key goes with it.
"""

from collections.abc import Callable
from pathlib import Path

from aiohttp import web

from simulator.accounts import find_intent
from simulator.confirmation import confirm_intent
from simulator.errors import StripeError
from simulator.form import decode_form
from simulator.pages import render_payment_element
from simulator.state import Json
from simulator.wire import CONTENT_TYPE, render_json
from simulator.world import Scope, World, new_id

ASSETS = Path(__file__).with_name("elements")
# What a publishable key may see (docs.stripe.com/api/payment_intents/object: "publishable" fields).
PUBLIC_FIELDS = (
    "id", "object", "amount", "automatic_payment_methods", "canceled_at", "cancellation_reason", "capture_method",
    "client_secret", "confirmation_method", "created", "currency", "description", "last_payment_error", "livemode",
    "next_action", "payment_method", "payment_method_types", "processing", "receipt_email", "setup_future_usage",
    "shipping", "status",
)  # fmt: skip
# Any shop's page may load the script and frame the fields; the fields load and ask nothing from elsewhere.
FRAME_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'"
)
_FROM_ANYWHERE = {"Access-Control-Allow-Origin": "*", "Cross-Origin-Resource-Policy": "cross-origin"}

type Attempt = Callable[[Scope, Json], Json]


class StripeJs:
    """The handlers of `/js/*`."""

    def __init__(self, world: World) -> None:
        self.world = world

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/js/stripe.js", self.script),
            web.get("/js/elements/payment", self.frame),
            web.get("/js/elements/{name:payment[.](?:css|js)}", self.asset),
            web.get("/js/payment_intents/{intent}", self.retrieve),
            web.post("/js/payment_intents/{intent}/confirm", self.confirm),
        ]

    async def script(self, _request: web.Request) -> web.FileResponse:
        return web.FileResponse(ASSETS / "stripe.js", headers={"Cache-Control": "no-cache", **_FROM_ANYWHERE})

    async def asset(self, request: web.Request) -> web.FileResponse:
        return web.FileResponse(ASSETS / request.match_info["name"], headers={"Cache-Control": "no-cache"})

    async def frame(self, _request: web.Request) -> web.Response:
        headers = {"Content-Security-Policy": FRAME_POLICY, "Cache-Control": "no-cache"}
        headers |= {"Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff"}
        return web.Response(text=render_payment_element(), content_type="text/html", headers=headers)

    async def retrieve(self, request: web.Request) -> web.Response:
        return self._answer(request, dict(request.query), lambda _scope, intent: intent)

    async def confirm(self, request: web.Request) -> web.Response:
        form = decode_form(await request.text())
        return self._answer(request, form, lambda scope, intent: confirm_intent(scope, intent, form))

    def _answer(self, request: web.Request, form: Json, attempt: Attempt) -> web.Response:
        status, body = self._execute(request.match_info["intent"], form, attempt)
        self.world.store.flush()
        if self.world.self_check:
            self.world.contract.check_answer(body)
        headers = {"Content-Type": CONTENT_TYPE, "Cache-Control": "no-store", **_FROM_ANYWHERE}
        return web.Response(status=status, body=render_json(body), headers=headers)

    def _execute(self, intent_id: str, form: Json, attempt: Attempt) -> tuple[int, Json]:
        intent: Json | None = None
        try:
            key, secret = (str(form.get(name, "")) for name in ("key", "client_secret"))
            account, intent = find_intent(self.world.store, key, intent_id, secret)
            scope = Scope(self.world, account, new_id("req_", 14))
            return 200, _public(attempt(scope, intent))
        except StripeError as error:
            told = {"payment_intent": _public(intent)} if intent else {}
            return error.status, {"error": error.body["error"] | told}


def _public(intent: Json) -> Json:
    return {name: intent[name] for name in PUBLIC_FIELDS if name in intent}
