"""`/v1/tax_rates`. Source: docs.stripe.com/api/tax_rates.

`percentage` and `inclusive` can't be changed: the contract has no such parameters of an update.
"""

import re

from simulator.errors import invalid_parameter
from simulator.resources.listing import fetch, list_kind
from simulator.resources.metadata import merge_metadata
from simulator.resources.percentages import check_percentage
from simulator.resources.updating import update_fields, without_empty
from simulator.state import Json
from simulator.world import Call

PERCENT_DECIMALS = 4
MAX_LABEL = 50
_COUNTRY = re.compile(r"[A-Z]{2}")


def create(call: Call) -> Json:
    params = without_empty(call.params)
    check_percentage("percentage", params["percentage"], decimals=PERCENT_DECIMALS)
    _check_labels(params)
    rate = call.blank("tax_rate", "txr_1", active=True, rate_type="percentage")
    rate |= {**params, "effective_percentage": params["percentage"], "metadata": merge_metadata({}, call.params)}
    call.emit("tax_rate.created", call.account.put(rate))
    return rate


def retrieve(call: Call) -> Json:
    return fetch(call, "tax_rate", "tax_rate")


def list_tax_rates(call: Call) -> Json:
    return list_kind(call, "tax_rate", equal=("active", "inclusive"))


def update(call: Call) -> Json:
    rate = fetch(call, "tax_rate", "tax_rate")
    params = without_empty(call.params)
    _check_labels(params)
    return update_fields(call, rate, **params | {"metadata": merge_metadata(rate["metadata"], call.params)})


def _check_labels(params: Json) -> None:
    if params.get("display_name", "name") is None:
        raise invalid_parameter("display_name", "You passed an empty string.", "parameter_invalid_empty")
    for name in ("display_name", "jurisdiction"):
        if len(params.get(name) or "") > MAX_LABEL:
            message = f"Invalid string: {params[name][:10]}...; must be at most {MAX_LABEL} characters"
            raise invalid_parameter(name, message)
    if params.get("country") and not _COUNTRY.fullmatch(params["country"]):
        message = f"Country '{params['country']}' is unknown. Try using a 2-character country code, such as 'US'."
        raise invalid_parameter("country", message, "country_code_invalid")


HANDLERS = {
    ("GET", "/v1/tax_rates"): list_tax_rates,
    ("POST", "/v1/tax_rates"): create,
    ("GET", "/v1/tax_rates/{tax_rate}"): retrieve,
    ("POST", "/v1/tax_rates/{tax_rate}"): update,
}
