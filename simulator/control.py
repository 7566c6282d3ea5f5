"""`/_sim/*`: the simulator's own interface, for tests and demos to order failures and look inside. JSON in, JSON out.

POST   /_sim/faults      {"fault", "match", "times", "seconds", "key"}: see faults.py; GET lists, DELETE clears
POST   /_sim/advance     {"seconds"}: moves the clock; what falls due happens before the answer
POST   /_sim/webhooks    {"key", "url", "secret"}: adds an endpoint
POST   /_sim/accounts    {"key", ...}: what is known of an account, see accounts.py
GET    /_sim/requests    the API requests received, oldest first
GET    /_sim/deliveries  every delivery with its attempts and their answers
GET    /_sim/state?key=  objects of an account by kind, with counts; DELETE forgets them

What tests order of banks and shoppers (`/_sim/refunds` and the like) is in staging.py
and staging_books.py.
DELETE without `?key=` is about everything: all faults; all state, faults, logs, and the time advanced.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from simulator.accounts import SettingError, tell_account
from simulator.faults import Fault, FaultError
from simulator.ledger import expect_balance, next_midnight
from simulator.resources.webhook_endpoints import register_endpoint
from simulator.state import SECRET_KEY, Json, account_id
from simulator.timeline import Actions, run_due
from simulator.wire import CONTENT_TYPE, render_json
from simulator.world import Scope, World

_WEBHOOK_FIELDS = {"key": SECRET_KEY, "url": re.compile(r"https?://.+"), "secret": re.compile(r"whsec_.+")}
MAX_ADVANCE = 10 * 365 * 24 * 60 * 60


class Control:
    """The handlers of `/_sim/*`."""

    def __init__(self, world: World, actions: Actions) -> None:
        self.world, self._actions = world, actions

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/_sim/faults", self.add_fault),
            web.get("/_sim/faults", self.list_faults),
            web.delete("/_sim/faults", self.clear_faults),
            web.post("/_sim/advance", self.advance),
            web.post("/_sim/webhooks", self.add_webhook),
            web.post("/_sim/accounts", self.tell_account),
            web.get("/_sim/requests", self.list_requests),
            web.get("/_sim/deliveries", self.list_deliveries),
            web.get("/_sim/state", self.show_state),
            web.delete("/_sim/state", self.forget),
        ]

    async def add_fault(self, request: web.Request) -> web.Response:
        try:
            fault = Fault.from_json(await read_object(request))
        except FaultError as invalid:
            raise bad_request(str(invalid)) from invalid
        self.world.faults.add(fault)
        return answer({"faults": self.world.faults.list()})

    async def list_faults(self, _request: web.Request) -> web.Response:
        return answer({"faults": self.world.faults.list()})

    async def clear_faults(self, request: web.Request) -> web.Response:
        self.world.faults.clear(account_id(_read_query_key(request)) if request.query else None)
        return answer({"faults": self.world.faults.list()})

    async def advance(self, request: web.Request) -> web.Response:
        seconds = (await read_object(request)).get("seconds")
        if type(seconds) is not int or not 0 <= seconds <= MAX_ADVANCE:
            raise bad_request(f"seconds has to be a whole number from 0 to {MAX_ADVANCE}")
        self.world.advance(seconds)
        return answer({"happened": run_due(self.world, self._actions), "now": self.world.clock.now()})

    async def add_webhook(self, request: web.Request) -> web.Response:
        body = await read_object(request)
        for name, pattern in _WEBHOOK_FIELDS.items():
            if not pattern.fullmatch(str(body.get(name, ""))):
                raise bad_request(f"{name} has to match {pattern.pattern}")
        account = self.world.store.open_account(body["key"])
        endpoint = register_endpoint(Scope(self.world, account), body["url"], body["secret"])
        self.world.store.flush()
        return answer({"id": endpoint["id"], "account": account.id})

    async def tell_account(self, request: web.Request) -> web.Response:
        body = await read_object(request)
        key = body.pop("key", "")
        if not isinstance(key, str) or not SECRET_KEY.fullmatch(key):
            raise bad_request("key has to be a secret key, sk_test_...")
        try:
            account = self.world.store.open_account(key)
            told = tell_account(account, body)
        except SettingError as invalid:
            raise bad_request(str(invalid)) from invalid
        if told.get("payouts") == "automatic":
            scope = Scope(self.world, account)
            expect_balance(scope, next_midnight(scope.now))
        self.world.store.flush()
        return answer(told)

    async def list_requests(self, _request: web.Request) -> web.Response:
        return answer({"requests": list(self.world.requests)})

    async def list_deliveries(self, _request: web.Request) -> web.Response:
        accounts = self.world.store.accounts.values()
        return answer(
            {"deliveries": [found for account in accounts for found in account.records("_delivery").values()]}
        )

    async def show_state(self, request: web.Request) -> web.Response:
        account = self.world.store.open_account(_read_query_key(request))
        objects = account.objects()
        counts = {kind: len(found) for kind, found in objects.items()}
        return answer({"account": account.id, "counts": counts, "objects": objects})

    async def forget(self, request: web.Request) -> web.Response:
        if request.query:
            self.world.forget_account(self.world.store.open_account(_read_query_key(request)))
        else:
            await self.world.forget()
        self.world.store.flush()
        return answer({"forgotten": True})


def answer(value: Mapping[str, Any]) -> web.Response:
    return web.Response(body=render_json(value), headers={"Content-Type": CONTENT_TYPE})


def bad_request(message: str) -> web.HTTPBadRequest:
    return web.HTTPBadRequest(body=render_json({"error": message}), headers={"Content-Type": CONTENT_TYPE})


def _read_query_key(request: web.Request) -> str:
    key = request.query.get("key", "")
    if not SECRET_KEY.fullmatch(key):
        raise bad_request("say whose: ?key=sk_test_...")
    return key


async def read_object(request: web.Request) -> Json:
    """The body as a JSON object, whatever its Content-Type says."""
    try:
        value = json.loads(await request.text())
    except ValueError as error:
        raise bad_request(f"the body is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise bad_request("the body has to be a JSON object")
    return value
