"""`/v1/charges`: single attempts at money. Source: docs.stripe.com/api/charges."""

from simulator.resources.listing import fetch, list_kind
from simulator.state import Json
from simulator.world import Call, Scope

REFUNDS_INCLUDED = 10


def list_charges(call: Call) -> Json:
    return list_kind(call, "charge", equal=("payment_intent", "customer", "transfer_group"))


def retrieve(call: Call) -> Json:
    return fetch(call, "charge", "charge")


def newest_refunds(scope: Scope, charge: Json) -> Json:
    """What `expand[]=refunds` brings: the newest ten."""
    found = [refund for refund in scope.account.records("refund").values() if refund["charge"] == charge["id"]][::-1]
    url = f"/v1/charges/{charge['id']}/refunds"
    return {"object": "list", "data": found[:REFUNDS_INCLUDED], "has_more": len(found) > REFUNDS_INCLUDED, "url": url}


HANDLERS = {("GET", "/v1/charges"): list_charges, ("GET", "/v1/charges/{charge}"): retrieve}
