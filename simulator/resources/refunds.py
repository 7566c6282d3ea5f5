"""`/v1/refunds`. Source: docs.stripe.com/api/refunds."""

from simulator.errors import StripeError, invalid_parameter, not_simulated, resource_missing, unexpected_state
from simulator.refunds import announce_update, move_refund, refund_charge
from simulator.resources.listing import fetch, list_kind
from simulator.resources.metadata import merge_metadata
from simulator.state import Json
from simulator.world import Call

_SIMULATED = {"amount", "charge", "metadata", "payment_intent", "reason"}


def create(call: Call) -> Json:
    params = call.params
    if missing := sorted(params.keys() - _SIMULATED):
        raise not_simulated(f"the parameter {missing[0]!r} of a refund")
    charge = _find_charge(call)
    metadata = merge_metadata({}, params)
    return refund_charge(call, charge, params.get("amount"), reason=params.get("reason"), metadata=metadata)


def _find_charge(call: Call) -> Json:
    """The charge that is to be refunded: the one named, or the one that succeeded of the PaymentIntent named."""
    named: list[str] = [name for name in ("charge", "payment_intent") if name in call.params]
    if len(named) != 1:
        raise _which_charge(named)
    kind, object_id = named[0], call.params[named[0]]
    found = call.account.find(kind, object_id)
    if found is None:
        raise resource_missing(kind, object_id, kind)
    if kind == "charge":
        return found
    charge = call.account.find("charge", found["latest_charge"] or "")
    if charge is None or charge["status"] != "succeeded":
        raise unexpected_state(f"This PaymentIntent ({object_id}) does not have a successful charge to refund.")
    return charge


def _which_charge(named: list[str]) -> StripeError:
    if named:
        return invalid_parameter(None, "You may only specify one of these parameters: charge, payment_intent.")
    message = "One of the following params should be provided for this request: payment_intent or charge."
    return invalid_parameter(None, message, "parameter_missing")


def retrieve(call: Call) -> Json:
    return fetch(call, "refund", "refund")


def list_refunds(call: Call) -> Json:
    return list_kind(call, "refund", equal=("charge", "payment_intent"))


def update(call: Call) -> Json:
    refund = fetch(call, "refund", "refund")
    before = {"metadata": refund["metadata"]}
    refund["metadata"] = merge_metadata(refund["metadata"], call.params)
    announce_update(call, refund, before)
    return refund


def cancel(call: Call) -> Json:
    refund = fetch(call, "refund", "refund")
    if refund["status"] != "requires_action":
        raise unexpected_state(f"You cannot cancel this refund because it has a status of {refund['status']}.")
    return move_refund(call, refund, "canceled")


HANDLERS = {
    ("POST", "/v1/refunds"): create,
    ("GET", "/v1/refunds"): list_refunds,
    ("GET", "/v1/refunds/{refund}"): retrieve,
    ("POST", "/v1/refunds/{refund}"): update,
    ("POST", "/v1/refunds/{refund}/cancel"): cancel,
}
