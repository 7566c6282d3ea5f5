"""`/v1/coupons`. Source: docs.stripe.com/api/coupons.

`percent_off` has at most two decimals (docs.stripe.com/upgrades, 2018-07-27). What the event of a deleted coupon holds
is documented nowhere: here it is the coupon as it was, no longer `valid`. Redemptions are not counted.
"""

import re

from simulator.currencies import amount_step
from simulator.errors import StripeError, invalid_parameter, missing_parameter, not_simulated, unexpected_state
from simulator.resources.listing import fetch, list_kind
from simulator.resources.metadata import merge_metadata
from simulator.resources.percentages import check_percentage
from simulator.resources.updating import update_fields, without_empty
from simulator.state import Json
from simulator.world import Call, new_id

MAX_NAME = 40
PERCENT_DECIMALS = 2
_CREATES = {"amount_off", "currency", "duration", "duration_in_months", "id", "metadata", "name", "percent_off"}
_UPDATES = {"metadata", "name"}
_CURRENCY = re.compile(r"[a-z]{3}")


def create(call: Call) -> Json:
    params = without_empty(call.params)
    _check_simulated(params, _CREATES)
    _check_reduction(params)
    _check_duration(params)
    _check_name(params)
    coupon_id = params.get("id") or new_id("", 8)
    if call.account.find("coupon", coupon_id):
        raise unexpected_state("Coupon already exists.", "resource_already_exists")
    coupon = call.blank("coupon", "", duration="once", times_redeemed=0, valid=True)
    coupon |= {**params, "id": coupon_id, "metadata": merge_metadata({}, call.params)}
    call.emit("coupon.created", call.account.put(coupon))
    return coupon


def retrieve(call: Call) -> Json:
    return fetch(call, "coupon", "coupon")


def list_coupons(call: Call) -> Json:
    return list_kind(call, "coupon")


def update(call: Call) -> Json:
    """Name and metadata are all that can be changed."""
    coupon = fetch(call, "coupon", "coupon")
    params = without_empty(call.params)
    _check_simulated(params, _UPDATES)
    _check_name(params)
    metadata = merge_metadata(coupon["metadata"], call.params)
    return update_fields(call, coupon, name=params.get("name", coupon["name"]), metadata=metadata)


def delete(call: Call) -> Json:
    """Sessions that have it keep it, and its id may be used again."""
    coupon = fetch(call, "coupon", "coupon")
    call.account.remove("coupon", coupon["id"])
    call.emit("coupon.deleted", coupon | {"valid": False})
    return {"id": coupon["id"], "object": "coupon", "deleted": True}


def _check_simulated(params: Json, simulated: set[str]) -> None:
    if missing := sorted(params.keys() - simulated):
        raise not_simulated(f"the parameter {missing[0]!r} of a coupon")


def _check_reduction(params: Json) -> None:
    given: list[str] = [name for name in ("percent_off", "amount_off") if name in params]
    if len(given) != 1:
        raise _which_reduction(given)
    if "percent_off" in params:
        check_percentage("percent_off", params["percent_off"], decimals=PERCENT_DECIMALS, above_zero=True)
    elif params["amount_off"] < 1:
        raise invalid_parameter("amount_off", "Invalid positive integer", "parameter_invalid_integer")
    elif "currency" not in params:
        raise missing_parameter("currency")
    if "currency" in params:
        _check_currency(params["currency"] or "", params.get("amount_off", 0))


def _check_currency(currency: str, amount: int) -> None:
    if not _CURRENCY.fullmatch(currency):
        raise invalid_parameter("currency", f"Invalid currency: {currency}.")
    if amount % amount_step(currency):
        raise invalid_parameter("amount_off", f"Amounts in {currency} must be multiples of {amount_step(currency)}.")


def _which_reduction(given: list[str]) -> StripeError:
    if given:
        return invalid_parameter(None, "You may only specify one of: percent_off, amount_off.", "parameters_exclusive")
    message = "One of the following params should be provided for this request: percent_off or amount_off."
    return invalid_parameter(None, message, "parameter_missing")


def _check_duration(params: Json) -> None:
    repeats = params.get("duration") == "repeating"
    if repeats and params.get("duration_in_months", 0) < 1:
        raise missing_parameter("duration_in_months")
    if not repeats and "duration_in_months" in params:
        raise invalid_parameter("duration_in_months", "You may only use duration_in_months with duration=repeating.")


def _check_name(params: Json) -> None:
    if len(params.get("name") or "") > MAX_NAME:
        message = f"Invalid string: {params['name'][:10]}...; must be at most {MAX_NAME} characters"
        raise invalid_parameter("name", message)


HANDLERS = {
    ("GET", "/v1/coupons"): list_coupons,
    ("POST", "/v1/coupons"): create,
    ("GET", "/v1/coupons/{coupon}"): retrieve,
    ("POST", "/v1/coupons/{coupon}"): update,
    ("DELETE", "/v1/coupons/{coupon}"): delete,
}
