"""`/v1/charges`: single attempts at money. Source: docs.stripe.com/api/charges."""

from simulator.resources.listing import fetch, list_kind
from simulator.state import Json
from simulator.world import Call


def list_charges(call: Call) -> Json:
    return list_kind(call, "charge", equal=("payment_intent", "customer", "transfer_group"))


def retrieve(call: Call) -> Json:
    return fetch(call, "charge", "charge")


HANDLERS = {("GET", "/v1/charges"): list_charges, ("GET", "/v1/charges/{charge}"): retrieve}
