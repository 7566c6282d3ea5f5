"""`/v1/balance_transactions`. Source: docs.stripe.com/api/balance_transactions."""

from simulator.resources.listing import fetch, list_kind
from simulator.state import Json
from simulator.world import Call


def list_balance_transactions(call: Call) -> Json:
    return list_kind(call, "balance_transaction", equal=("currency", "source", "type"))


def retrieve(call: Call) -> Json:
    return fetch(call, "balance_transaction", "id")


HANDLERS = {
    ("GET", "/v1/balance_transactions"): list_balance_transactions,
    ("GET", "/v1/balance_transactions/{id}"): retrieve,
}
