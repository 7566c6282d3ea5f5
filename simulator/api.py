"""The way of one API request: fault, key, version, contract, idempotency, handler, expansion, answer.

An answer's Date is the simulator's clock, so `POST /_sim/advance` shows a shop a clock that differs from its own.
"""

import asyncio
import base64
import binascii
import time
from dataclasses import dataclass, field
from email.utils import formatdate

from aiohttp import web

from simulator.contract import CheckedRequest, ContractViolation, UnknownOperation
from simulator.errors import StripeError, not_simulated
from simulator.faults import Fault
from simulator.idempotency import Memory
from simulator.resources import HANDLERS
from simulator.resources.expansion import expand
from simulator.state import SECRET_KEY, Account, Json, account_id
from simulator.wire import CONTENT_TYPE, render_json
from simulator.world import Call, World, new_id

HOLD_SECONDS = 60.0


@dataclass
class Exchange:
    """One request and what is known about it so far; turned into its answer's headers and its line in the log."""

    method: str
    path: str
    query: str
    body: str
    authorization: str
    version: str
    idempotency_key: str
    request_id: str = field(default_factory=lambda: new_id("req_", 14))
    account: Account | None = None
    replayed_from: str | None = None

    @classmethod
    async def read(cls, request: web.Request) -> "Exchange":
        headers = request.headers
        key = headers.get("Idempotency-Key", "") if request.method == "POST" else ""  # GET and DELETE ignore keys
        return cls(
            method=request.method,
            path=request.path,
            query=request.rel_url.raw_query_string,
            body=await request.text(),
            authorization=headers.get("Authorization", ""),
            version=headers.get("Stripe-Version", ""),
            idempotency_key=key,
        )

    def headers(self, version: str) -> dict[str, str]:
        headers = {"Request-Id": self.request_id, "Stripe-Version": version, "Content-Type": CONTENT_TYPE}
        if self.idempotency_key:
            headers["Idempotency-Key"] = self.idempotency_key
        if self.replayed_from:
            headers |= {"Idempotent-Replayed": "true", "Original-Request": self.replayed_from}
        return headers


class Api:
    """Everything under `/v1`."""

    def __init__(self, world: World) -> None:
        self.world = world

    async def serve(self, request: web.Request) -> web.Response:
        exchange = await Exchange.read(request)
        caller = account_id(_read_key(exchange.authorization))
        fault = self.world.faults.take_for_request(exchange.method, exchange.path, caller)
        kind = fault.fault if fault else None
        if fault and kind in ("timeout_before", "drop"):
            self._log(exchange, None, kind)
            return await _hang_up(request, 0 if kind == "drop" else fault.seconds or HOLD_SECONDS)
        status, body = self._answer(exchange, kind)
        self.world.store.flush()
        self._log(exchange, status, kind)
        if fault and kind == "timeout_after":
            return await _hang_up(request, fault.seconds or HOLD_SECONDS)
        if fault and kind == "delay":
            await self._delay(exchange, fault)
        headers = exchange.headers(self.world.contract.version)
        headers["Date"] = formatdate(self.world.clock.now(), usegmt=True)
        return web.Response(status=status, body=render_json(body), headers=headers)

    def _answer(self, exchange: Exchange, fault: str | None) -> tuple[int, Json]:
        try:
            return self._execute(exchange, fault)
        except StripeError as error:
            return error.status, error.body

    def _execute(self, exchange: Exchange, fault: str | None) -> tuple[int, Json]:
        if fault == "http_429":
            raise StripeError(429, "Too many requests hit the API too quickly.", code="rate_limit")
        account = exchange.account = self._authenticate(exchange.authorization)
        self._check_version(exchange.version)
        checked = self._check_contract(exchange)
        memory = Memory(self.world, account, exchange.idempotency_key, exchange.path, checked.params)
        if memory.key and (saved := memory.recall()):
            exchange.replayed_from = saved["request_id"]
            return saved["status"], saved["body"]
        try:
            status, body = 200, self._run(exchange, account, checked, fault)
        except StripeError as error:
            if not error.saved:
                raise
            status, body = error.status, error.body
        if memory.key:
            memory.save(status, body, exchange.request_id)
        return status, body

    def _run(self, exchange: Exchange, account: Account, checked: CheckedRequest, fault: str | None) -> Json:
        if fault == "http_500":
            raise StripeError(500, "An unknown error occurred.", kind="api_error", saved=True)
        operation = checked.operation
        handler = HANDLERS.get((operation.method, operation.path))
        if handler is None:
            raise not_simulated(f"{operation.method} {operation.path} yet")
        key = exchange.idempotency_key or None
        params = {name: value for name, value in checked.params.items() if name != "expand"}
        call = Call(self.world, account, exchange.request_id, key, exchange.path, checked.path_params, params)
        answer = expand(call, handler(call), checked.params.get("expand", []))
        if self.world.self_check:
            self.world.contract.check_answer(answer)
        return answer

    def _authenticate(self, authorization: str) -> Account:
        key = _read_key(authorization)
        if not key:
            raise StripeError(401, "You did not provide an API key. Use `Authorization: Bearer YOUR_SECRET_KEY`.")
        if not SECRET_KEY.fullmatch(key):
            raise StripeError(401, f"Invalid API Key provided: {key[:7]}{'*' * 8}")
        return self.world.store.open_account(key)

    def _check_version(self, version: str) -> None:
        wanted = self.world.contract.version
        if version != wanted:
            raise StripeError(
                400, f"Invalid Stripe API version: {version or 'none'}. The simulator speaks {wanted} only."
            )

    def _check_contract(self, exchange: Exchange) -> CheckedRequest:
        try:
            return self.world.contract.check_request(exchange.method, exchange.path, exchange.query, exchange.body)
        except UnknownOperation as unknown:
            raise StripeError(404, unknown.message) from unknown
        except ContractViolation as violation:
            raise StripeError(400, violation.message, param=violation.param, code=violation.code) from violation

    async def _delay(self, exchange: Exchange, fault: Fault) -> None:
        """Answer late; meanwhile the idempotency key is in use, as with an endpoint that is slow."""
        in_use = (exchange.account.id if exchange.account else "", exchange.idempotency_key)
        self.world.keys_in_use.add(in_use)
        try:
            await asyncio.sleep(fault.seconds)
        finally:
            self.world.keys_in_use.discard(in_use)

    def _log(self, exchange: Exchange, status: int | None, fault: str | None) -> None:
        self.world.requests.append(
            {
                "at": time.time(),
                "method": exchange.method,
                "path": exchange.path,
                "query": exchange.query,
                "account": exchange.account.id if exchange.account else None,
                "idempotency_key": exchange.idempotency_key or None,
                "replayed": exchange.replayed_from is not None,
                "request_id": exchange.request_id,
                "status": status,
                "fault": fault,
            }
        )


def _read_key(authorization: str) -> str:
    """The key of `Bearer sk_...`, or of Basic authentication with the key as the user's name."""
    scheme, _, credentials = authorization.partition(" ")
    if scheme.lower() != "basic":
        return credentials.strip()
    try:
        return base64.b64decode(credentials, validate=True).decode().partition(":")[0]
    except (binascii.Error, UnicodeDecodeError):
        return ""


async def _hang_up(request: web.Request, after: float) -> web.Response:
    """Close the connection without an answer; what is returned reaches nobody."""
    await asyncio.sleep(after)
    if request.transport:
        request.transport.close()
    return web.Response()
