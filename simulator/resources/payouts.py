"""`/v1/payouts`. Source: docs.stripe.com/api/payouts."""

from simulator.resources.listing import fetch, list_kind
from simulator.state import Json
from simulator.world import Call


def list_payouts(call: Call) -> Json:
    return list_kind(call, "payout", equal=("status", "destination"))


def retrieve(call: Call) -> Json:
    return fetch(call, "payout", "payout")


HANDLERS = {("GET", "/v1/payouts"): list_payouts, ("GET", "/v1/payouts/{payout}"): retrieve}
