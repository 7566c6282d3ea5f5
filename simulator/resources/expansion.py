"""`expand[]`: ids replaced by the objects they name. Source: docs.stripe.com/api/expanding_objects."""

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from simulator.errors import invalid_parameter
from simulator.resources.charges import newest_refunds
from simulator.resources.checkout_pricing import breakdown, coupon_of, discounts_of, taxes_of
from simulator.resources.checkout_sessions import first_line_items
from simulator.state import Json
from simulator.world import Scope

MAX_DEPTH = 4
# Field -> kind of the object whose id it holds.
REFERENCES = {
    "balance_transaction": "balance_transaction",
    "charge": "charge",
    "failure_balance_transaction": "balance_transaction",
    "latest_charge": "charge",
    "payment_intent": "payment_intent",
    "review": "review",
}
# Fields of an object, or of a hash in it, that only `expand` brings, or that hold what they held at the time.
INCLUDABLE: Mapping[tuple[str, str], Callable[[Scope, Json], Any]] = MappingProxyType(
    {
        ("charge", "refunds"): newest_refunds,
        ("checkout.session", "discounts.coupon"): coupon_of,
        ("checkout.session", "line_items"): first_line_items,
        ("checkout.session", "total_details.breakdown"): breakdown,
        ("item", "discounts"): discounts_of,
        ("item", "taxes"): taxes_of,
    }
)


def expand(scope: Scope, answer: Json, paths: list[str]) -> Json:
    """A copy of the answer with every path expanded; raises Stripe's error for one that can't be."""
    expanded = copy.deepcopy(answer)
    for path in paths:
        if path.count(".") >= MAX_DEPTH:
            raise invalid_parameter(
                "expand", f"You cannot expand more than {MAX_DEPTH} levels of a property. Property: {path}"
            )
        _Path(scope, path).follow(expanded, expanded, path.split("."))
    return expanded


@dataclass(frozen=True)
class _Path:
    """One path of one request; it replaces ids in place, and through a list it follows every item."""

    scope: Scope
    path: str

    def follow(self, owner: Json, value: Any, steps: list[str], within: str = "") -> None:
        """From `value`, which is an object or, `within` its `owner`, a hash."""
        if isinstance(value, list):
            for item in value:
                self.follow(owner, item, steps, within)
        elif steps and value is not None:
            if "object" in value:
                owner, within = value, ""
            name, *rest = steps
            place = f"{within}{name}"
            if (owner["object"], place) not in (("list", "data"), ("search_result", "data")):
                self._replace(owner, value, name, place, is_last=not rest)
            self.follow(owner, value[name], rest, f"{place}.")

    def _replace(self, owner: Json, value: Json, name: str, place: str, *, is_last: bool) -> None:
        if include := INCLUDABLE.get((owner["object"], place)):
            value[name] = copy.deepcopy(include(self.scope, owner))
        elif name in REFERENCES and name in value:
            if isinstance(value[name], str):
                value[name] = copy.deepcopy(self.scope.account.records(REFERENCES[name])[value[name]])
        elif is_last or not isinstance(value.get(name), (dict, list)):
            raise invalid_parameter("expand", f"This property cannot be expanded ({self.path}).")
