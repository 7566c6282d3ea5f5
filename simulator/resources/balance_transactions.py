"""`/v1/balance_transactions`. Source: docs.stripe.com/api/balance_transactions.

What a test has hidden is not there. The refusal of a manual payout is worded as shops have reported it.
"""

from simulator.errors import StripeError, resource_missing
from simulator.payouts import HIDDEN, entries_of
from simulator.resources.listing import fetch, in_range, list_kind, paginate
from simulator.state import Json
from simulator.world import Call

FILTERS = ("currency", "source", "type")
AUTOMATIC_ONLY = "Balance transaction history can only be filtered on automatic transfers, not manual."


def list_balance_transactions(call: Call) -> Json:
    payout = call.params.get("payout")
    if payout is None and not call.account.records(HIDDEN):
        return list_kind(call, "balance_transaction", equal=FILTERS)
    within = _entries_of(call, payout) if payout is not None else None
    wanted = {name: call.params[name] for name in FILTERS if name in call.params}
    found = [
        entry
        for entry in reversed(call.account.records("balance_transaction").values())
        if entry["id"] not in call.account.records(HIDDEN)
        and (within is None or entry["id"] in within)
        and in_range(entry["created"], call.params.get("created", {}))
        and all(entry[name] == value for name, value in wanted.items())
    ]
    return paginate(call, found)


def _entries_of(call: Call, payout_id: str) -> set[str]:
    payout = call.account.find("payout", payout_id)
    if payout is None:
        raise resource_missing("payout", payout_id, "payout")
    if not payout["automatic"]:
        raise StripeError(400, AUTOMATIC_ONLY, param="payout", saved=True)
    return entries_of(call, payout_id)


def retrieve(call: Call) -> Json:
    if call.account.find(HIDDEN, call.ids["id"]):
        raise resource_missing("balance_transaction", call.ids["id"], "id")
    return fetch(call, "balance_transaction", "id")


HANDLERS = {
    ("GET", "/v1/balance_transactions"): list_balance_transactions,
    ("GET", "/v1/balance_transactions/{id}"): retrieve,
}
