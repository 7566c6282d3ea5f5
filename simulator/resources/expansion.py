"""`expand[]`: ids replaced by the objects they name. Source: docs.stripe.com/api/expanding_objects."""

import copy
from typing import Any

from simulator.errors import invalid_parameter
from simulator.resources.charges import newest_refunds
from simulator.resources.checkout_sessions import first_line_items
from simulator.state import Json
from simulator.world import Scope

MAX_DEPTH = 4
# Field -> kind of the object whose id it holds. Fields that only `expand` brings have a builder of their own below.
REFERENCES = {
    "balance_transaction": "balance_transaction",
    "charge": "charge",
    "failure_balance_transaction": "balance_transaction",
    "latest_charge": "charge",
    "payment_intent": "payment_intent",
    "review": "review",
}
INCLUDABLE = {("charge", "refunds"): newest_refunds, ("checkout.session", "line_items"): first_line_items}


def expand(scope: Scope, answer: Json, paths: list[str]) -> Json:
    """A copy of the answer with every path expanded; raises Stripe's error for one that can't be."""
    expanded = copy.deepcopy(answer)
    for path in paths:
        if path.count(".") >= MAX_DEPTH:
            raise invalid_parameter(
                "expand", f"You cannot expand more than {MAX_DEPTH} levels of a property. Property: {path}"
            )
        _expand_path(scope, expanded, path.split("."), path)
    return expanded


def _expand_path(scope: Scope, value: Any, steps: list[str], path: str) -> None:
    """Follow one path, replacing ids in place; through a list it follows every item."""
    if isinstance(value, list):
        for item in value:
            _expand_path(scope, item, steps, path)
    elif steps and value is not None:
        name, *rest = steps
        if (value["object"], name) != ("list", "data"):
            _replace(scope, value, name, path)
        _expand_path(scope, value[name], rest, path)


def _replace(scope: Scope, value: Json, name: str, path: str) -> None:
    if include := INCLUDABLE.get((value["object"], name)):
        value[name] = copy.deepcopy(include(scope, value))
    elif name not in REFERENCES or name not in value:
        raise invalid_parameter("expand", f"This property cannot be expanded ({path}).")
    elif isinstance(value[name], str):
        value[name] = copy.deepcopy(scope.account.records(REFERENCES[name])[value[name]])
