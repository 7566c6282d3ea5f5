"""`/_sim/payouts` and `/_sim/books`: payouts, and books that don't agree with what happened. JSON in, JSON out.

POST /_sim/payouts       {"key", "amount"?, "currency"?}: a manual payout, of all that is available unless said; usd
POST /_sim/payouts/<id>  {"status", "failure_code"?}: moves it on
POST /_sim/books         {"hide"}: no balance transaction of this object (a charge, refund, ...) is listed or paid out
                         {"show"}: they are again
                         {"source", "fee"}: another fee of the first balance transaction of this object
                         {"foreign", "amount", "currency"?}: a charge that no shop asked for, in no event, of the
                         account with this secret key; usd

The answer is Stripe's object as it is then: the payout, the balance transactions, the charge.
"""

from aiohttp import web

from simulator.control import answer, bad_request
from simulator.ledger import change_fee
from simulator.payments import charge_quietly
from simulator.payouts import HIDDEN, MOVES, move_payout, pay_out
from simulator.staging import choose, explain, read_fields
from simulator.state import SECRET_KEY, Json
from simulator.world import Scope, World


class BookStaging:
    """The handlers of what a test may order of an account's money."""

    def __init__(self, world: World) -> None:
        self.world = world

    def routes(self) -> list[web.RouteDef]:
        posts = {
            "/_sim/payouts": self.add_payout,
            "/_sim/payouts/{id}": self.move_payout,
            "/_sim/books": self.distort_books,
        }
        return [web.post(path, explain(handler)) for path, handler in posts.items()]

    async def add_payout(self, request: web.Request) -> web.Response:
        body = await read_fields(request, {"key": str, "amount": int, "currency": str})
        return self._done(pay_out(self._scope_of(body["key"]), body.get("amount"), body.get("currency", "usd")))

    async def move_payout(self, request: web.Request) -> web.Response:
        body = await read_fields(request, {"status": str, "failure_code": str})
        found = self.world.store.find_object("payout", request.match_info["id"])
        if not found:
            raise bad_request(f"no account has the payout {request.match_info['id']!r}")
        status, code = choose(body, "status", MOVES), body.get("failure_code", "account_closed")
        return self._done(move_payout(Scope(self.world, found[0]), found[1], status, code))

    async def distort_books(self, request: web.Request) -> web.Response:
        foreign = {"foreign": str, "amount": int, "currency": str}
        body = await read_fields(request, {"hide": str}, {"show": str}, {"source": str, "fee": int}, foreign)
        if "foreign" in body:
            if body.get("amount", 0) < 1:
                raise bad_request("amount has to be at least 1")
            scope = self._scope_of(body["foreign"])
            return self._done(charge_quietly(scope, body["amount"], body.get("currency", "usd")))
        scope, entries = self._entries_of(body.get("hide") or body.get("show") or body.get("source") or "")
        if "source" in body:
            return self._done({"data": [change_fee(scope, entries[0], body.get("fee", 0))]})
        for entry in entries:
            if "hide" in body:
                scope.account.note(HIDDEN, entry["id"], {"id": entry["id"]})
            else:
                scope.account.remove(HIDDEN, entry["id"])
        return self._done({"data": entries})

    def _entries_of(self, source: str) -> tuple[Scope, list[Json]]:
        for account in self.world.store.accounts.values():
            entries = account.records("balance_transaction").values()
            if found := [entry for entry in entries if entry["source"] == source]:
                return Scope(self.world, account), found
        raise bad_request(f"no balance transaction is of {source!r}")

    def _scope_of(self, key: str) -> Scope:
        if not SECRET_KEY.fullmatch(key):
            raise bad_request("the key has to be a secret key, sk_test_...")
        return Scope(self.world, self.world.store.open_account(key))

    def _done(self, value: Json) -> web.Response:
        self.world.store.flush()
        return answer(value)
