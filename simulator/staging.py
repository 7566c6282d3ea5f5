"""`/_sim/*`: what banks and Stripe itself do to payments, ordered by a test (to its books: staging_books.py).

POST   /_sim/refunds        {"charge", "amount"?}: a refund made in Stripe's dashboard, caused by no API request
                            {"next", "times"?, "key"?}: the status in which the next refunds begin
POST   /_sim/refunds/<id>   {"status", "failure_reason"?}: moves it on
POST   /_sim/disputes       {"charge", "amount"?, "reason"?, "status"?}
POST   /_sim/disputes/<id>  {"status"}: moves it on
POST   /_sim/reviews        {"charge", "reason"?}
POST   /_sim/reviews/<id>   {"closed_reason"}
POST   /_sim/distortions    {"session", "amount"?, "currency"?, "livemode"?}: what an open session says once it is paid
                            {"offset", "part"?, "times"?, "key"?}: minor units by which a part of the first line of the
                            next sessions is off: `subtotal` (unless said otherwise), `discount` or its first `tax`
DELETE /_sim/distortions    forgets the offsets that are still waiting

JSON in, JSON out. The answer is Stripe's object as it is then, or what was ordered. What Stripe would refuse is refused
in its words. `key` is a secret key; without it an order is for whichever account comes first. `times` is 1 unless said
otherwise, and 0 means until it is cleared or replaced.
"""

from collections.abc import Collection, Mapping
from re import fullmatch

from aiohttp import web
from aiohttp.typedefs import Handler

from simulator.control import answer, bad_request, read_object
from simulator.disputes import BEGINNINGS as DISPUTE_BEGINNINGS
from simulator.disputes import MOVES as DISPUTE_MOVES
from simulator.disputes import REASONS as DISPUTE_REASONS
from simulator.disputes import move_dispute, open_dispute
from simulator.distortions import distort_session
from simulator.errors import StripeError
from simulator.refunds import BEGINNINGS as REFUND_BEGINNINGS
from simulator.refunds import FAILURE_REASONS, move_refund, refund_charge
from simulator.refunds import MOVES as REFUND_MOVES
from simulator.reviews import CLOSED_REASONS, OPENED_REASONS, close_review, open_review
from simulator.staged import clear_staged, stage
from simulator.state import SECRET_KEY, Json
from simulator.world import Scope, World

_TYPES = {bool: "true or false", int: "a whole number", str: "a text"}
_WAITING = {"times": int, "key": str}
# Field of the order -> field of the session; PaymentIntent and charge follow the session.
_DISTORTED = {"amount": "amount_total", "currency": "currency", "livemode": "livemode"}


class Staging:
    """The handlers of what a test may order."""

    def __init__(self, world: World) -> None:
        self.world = world

    def routes(self) -> list[web.RouteDef]:
        posts = {
            "/_sim/refunds": self.add_refund,
            "/_sim/refunds/{id}": self.move_refund,
            "/_sim/disputes": self.add_dispute,
            "/_sim/disputes/{id}": self.move_dispute,
            "/_sim/reviews": self.add_review,
            "/_sim/reviews/{id}": self.close_review,
            "/_sim/distortions": self.add_distortion,
        }
        routes = [web.post(path, explain(handler)) for path, handler in posts.items()]
        return [*routes, web.delete("/_sim/distortions", self.clear_distortions)]

    async def add_refund(self, request: web.Request) -> web.Response:
        body = await read_fields(request, {"charge": str, "amount": int}, {"next": str, **_WAITING})
        if "next" in body:
            return self._stage("refund", body, choose(body, "next", REFUND_BEGINNINGS))
        scope, charge = self._find("charge", body["charge"])
        return self._done(refund_charge(scope, charge, body.get("amount"), metadata={}))

    async def move_refund(self, request: web.Request) -> web.Response:
        body = await read_fields(request, {"status": str, "failure_reason": str})
        scope, refund = self._find("refund", request.match_info["id"])
        reason = choose(body, "failure_reason", FAILURE_REASONS) if "failure_reason" in body else None
        return self._done(move_refund(scope, refund, choose(body, "status", REFUND_MOVES), reason))

    async def add_dispute(self, request: web.Request) -> web.Response:
        body = await read_fields(request, {"charge": str, "amount": int, "reason": str, "status": str})
        scope, charge = self._find("charge", body["charge"])
        reason = choose({"reason": "fraudulent", **body}, "reason", DISPUTE_REASONS)
        status = choose({"status": "needs_response", **body}, "status", DISPUTE_BEGINNINGS)
        if body.get("amount", 1) < 1:
            raise bad_request("amount has to be at least 1")
        return self._done(open_dispute(scope, charge, body.get("amount"), reason, status))

    async def move_dispute(self, request: web.Request) -> web.Response:
        body = await read_fields(request, {"status": str})
        scope, dispute = self._find("dispute", request.match_info["id"])
        return self._done(move_dispute(scope, dispute, choose(body, "status", DISPUTE_MOVES)))

    async def add_review(self, request: web.Request) -> web.Response:
        body = await read_fields(request, {"charge": str, "reason": str})
        scope, charge = self._find("charge", body["charge"])
        return self._done(open_review(scope, charge, choose({"reason": "rule", **body}, "reason", OPENED_REASONS)))

    async def close_review(self, request: web.Request) -> web.Response:
        body = await read_fields(request, {"closed_reason": str})
        scope, review = self._find("review", request.match_info["id"])
        return self._done(close_review(scope, review, choose(body, "closed_reason", CLOSED_REASONS)))

    async def add_distortion(self, request: web.Request) -> web.Response:
        of_one = {"session": str, "amount": int, "currency": str, "livemode": bool}
        body = await read_fields(request, of_one, {"offset": int, "part": str, **_WAITING})
        if "offset" in body:
            part = choose({"part": "subtotal", **body}, "part", ("subtotal", "discount", "tax"))
            return self._stage("totals", body, {"part": part, "offset": body["offset"]})
        if body.get("amount", 1) < 1 or not fullmatch(r"[a-z]{3}", body.get("currency", "usd")):
            raise bad_request("amount has to be at least 1, currency three small letters")
        scope, session = self._find("checkout.session", body["session"])
        changes = {_DISTORTED[name]: value for name, value in body.items() if name in _DISTORTED}
        distort_session(scope, session, **changes)
        return self._done(changes)

    async def clear_distortions(self, _request: web.Request) -> web.Response:
        clear_staged(self.world, "totals")
        return self._done({})

    def _stage(self, kind: str, body: Json, value: Json | str) -> web.Response:
        key, times = body.get("key"), body.get("times", 1)
        if key is not None and not SECRET_KEY.fullmatch(key):
            raise bad_request("key has to be a secret key, sk_test_...")
        if times < 0:
            raise bad_request("times has to be 0 or more")
        stage(self.world, key, kind, value, times)
        return self._done(body)

    def _find(self, kind: str, object_id: str) -> tuple[Scope, Json]:
        found = self.world.store.find_object(kind, object_id)
        if not found:
            raise bad_request(f"no account has the {kind} {object_id!r}")
        return Scope(self.world, found[0]), found[1]

    def _done(self, value: Json) -> web.Response:
        self.world.store.flush()
        return answer(value)


def explain(handler: Handler) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except StripeError as refusal:
            raise bad_request(str(refusal)) from refusal

    return handle


async def read_fields(request: web.Request, *shapes: Mapping[str, type]) -> Json:
    """The body: with the first field of one of the shapes, and no field that this shape lacks."""
    body = await read_object(request)
    shape = next((shape for shape in shapes if next(iter(shape)) in body), None)
    if shape is None:
        raise bad_request(f"a field is missing: {' or '.join(next(iter(shape)) for shape in shapes)}")
    for name, value in body.items():
        if name not in shape:
            raise bad_request(f"unknown field {name!r}; known: {', '.join(shape)}")
        if type(value) is not shape[name]:
            raise bad_request(f"{name} has to be {_TYPES[shape[name]]}")
    return body


def choose(body: Json, name: str, choices: Collection[str]) -> str:
    value: str = body.get(name, "")
    if value not in choices:
        raise bad_request(f"{name} has to be one of {', '.join(choices)}")
    return value
