"""`/_sim/*`: what banks do to payments, ordered by a test. JSON in; out comes Stripe's object, or `{"error"}`.

POST /_sim/refunds        {"charge", "amount"?}: a refund made in Stripe's dashboard, which no API request caused
                          {"next", "times"?, "key"?}: the status in which the next refunds begin
POST /_sim/refunds/<id>   {"status", "failure_reason"?}: moves it on
POST /_sim/disputes       {"charge", "amount"?, "reason"?, "status"?}
POST /_sim/disputes/<id>  {"status"}

`key` is a secret key: without it an order is for whichever account comes first. `times` 0: until DELETE /_sim/state.
"""

from collections.abc import Collection

from aiohttp import web
from aiohttp.typedefs import Handler

from simulator import disputes, refunds
from simulator.control import answer, bad_request, read_object
from simulator.errors import StripeError
from simulator.staged import stage
from simulator.state import SECRET_KEY, Json
from simulator.world import Scope, World

_TYPES = {int: "a whole number", str: "a text"}


class Staging:
    """The handlers of what a test may order."""

    def __init__(self, world: World) -> None:
        self.world = world

    def routes(self) -> list[web.RouteDef]:
        handlers = {
            "/_sim/refunds": self.add_refund,
            "/_sim/refunds/{id}": self.move_refund,
            "/_sim/disputes": self.add_dispute,
            "/_sim/disputes/{id}": self.move_dispute,
        }
        return [web.post(path, _explain(handler)) for path, handler in handlers.items()]

    async def add_refund(self, request: web.Request) -> web.Response:
        body = await _read_fields(request, charge=str, amount=int, next=str, times=int, key=str)
        if "next" in body:
            status = _choose(body, "next", refunds.BEGINNINGS)
            stage(self.world, _read_key(body), "refund", status, _read_times(body))
            return answer({"next": status})
        scope, charge = self._find("charge", body.get("charge", ""))
        return self._done(refunds.refund_charge(scope, charge, body.get("amount"), metadata={}))

    async def move_refund(self, request: web.Request) -> web.Response:
        body = await _read_fields(request, status=str, failure_reason=str)
        scope, refund = self._find("refund", request.match_info["id"])
        status = _choose(body, "status", refunds.MOVES)
        reason = _choose(body, "failure_reason", refunds.FAILURE_REASONS) if "failure_reason" in body else None
        return self._done(refunds.move_refund(scope, refund, status, reason))

    async def add_dispute(self, request: web.Request) -> web.Response:
        body = await _read_fields(request, charge=str, amount=int, reason=str, status=str)
        scope, charge = self._find("charge", body.get("charge", ""))
        reason = _choose({"reason": "fraudulent", **body}, "reason", disputes.REASONS)
        status = _choose({"status": "needs_response", **body}, "status", disputes.BEGINNINGS)
        if body.get("amount", 1) < 1:
            raise bad_request("amount has to be at least 1")
        return self._done(disputes.open_dispute(scope, charge, body.get("amount"), reason, status))

    async def move_dispute(self, request: web.Request) -> web.Response:
        body = await _read_fields(request, status=str)
        scope, dispute = self._find("dispute", request.match_info["id"])
        return self._done(disputes.move_dispute(scope, dispute, _choose(body, "status", disputes.MOVES)))

    def _find(self, kind: str, object_id: str) -> tuple[Scope, Json]:
        found = self.world.store.find_object(kind, object_id)
        if not found:
            raise bad_request(f"no account has the {kind} {object_id!r}")
        return Scope(self.world, found[0]), found[1]

    def _done(self, value: Json) -> web.Response:
        self.world.store.flush()
        return answer(value)


def _explain(handler: Handler) -> Handler:
    """What Stripe would refuse is refused here too, with the same words."""

    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except StripeError as refusal:
            raise bad_request(str(refusal)) from refusal

    return handle


async def _read_fields(request: web.Request, **types: type) -> Json:
    """The body, with no field but these and each of its type."""
    body = await read_object(request)
    for name, value in body.items():
        if name not in types:
            raise bad_request(f"unknown field {name!r}; known: {', '.join(types)}")
        if type(value) is not types[name]:
            raise bad_request(f"{name} has to be {_TYPES[types[name]]}")
    return body


def _choose(body: Json, name: str, choices: Collection[str]) -> str:
    value: str = body.get(name, "")
    if value not in choices:
        raise bad_request(f"{name} has to be one of {', '.join(choices)}")
    return value


def _read_key(body: Json) -> str | None:
    key: str | None = body.get("key")
    if key is not None and not SECRET_KEY.fullmatch(key):
        raise bad_request("key has to be a secret key, sk_test_...")
    return key


def _read_times(body: Json) -> int:
    times: int = body.get("times", 1)
    if times < 0:
        raise bad_request("times has to be 0 or more")
    return times
