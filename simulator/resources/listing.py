"""Lists and single objects, the same for every resource. Source: docs.stripe.com/api/pagination."""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Any

from simulator.errors import invalid_parameter, not_simulated, resource_missing
from simulator.state import Json
from simulator.world import Call

_PAGING = frozenset({"limit", "starting_after", "ending_before", "expand"})
MAX_LIMIT = 100


def fetch(call: Call, kind: str, param: str) -> Json:
    """The object whose id stands in the path under `param`."""
    found = call.account.find(kind, call.ids[param])
    if found is None:
        raise resource_missing(kind, call.ids[param], param)
    return found


def list_kind(call: Call, kind: str, equal: Sequence[str] = ()) -> Json:
    """One page of all objects of a kind, newest first; `equal` names the parameters that filter by equality."""
    if unknown := call.params.keys() - _PAGING - {"created"} - set(equal):
        raise not_simulated(f"the filter {min(unknown)!r} on {call.path}")
    wanted = {name: call.params[name] for name in equal if name in call.params}
    created = call.params.get("created", {})
    found = [
        item
        for item in reversed(call.account.records(kind).values())
        if in_range(item["created"], created) and all(item[name] == value for name, value in wanted.items())
    ]
    return paginate(call, found)


def paginate(call: Call, newest_first: list[Json]) -> Json:
    """The page between the cursors; `ending_before` gives the items just before it, still newest first."""
    limit = call.params.get("limit", 10)
    if not 1 <= limit <= MAX_LIMIT:
        message = f"This value must be between 1 and {MAX_LIMIT} (it currently is '{limit}')."
        raise invalid_parameter("limit", message, "parameter_invalid_integer")
    items = newest_first
    if "ending_before" in call.params:
        items = items[: _index(items, call.params["ending_before"], "ending_before")]
        page, has_more = items[-limit:], len(items) > limit
    else:
        if "starting_after" in call.params:
            items = items[_index(items, call.params["starting_after"], "starting_after") + 1 :]
        page, has_more = items[:limit], len(items) > limit
    return {"object": "list", "url": call.path, "has_more": has_more, "data": page}


def in_range(value: int, bounds: Any) -> bool:
    """Stripe's `created`: a timestamp, or any of gt, gte, lt, lte."""
    if isinstance(bounds, int):
        return value == bounds
    strictly_between = bounds.get("gt", value - 1) < value < bounds.get("lt", value + 1)
    return bool(strictly_between and bounds.get("gte", value) <= value <= bounds.get("lte", value))


def matches_type(kind: str, wanted: Sequence[str]) -> bool:
    return not wanted or any(fnmatchcase(kind, glob) for glob in wanted)


def _index(items: list[Json], object_id: str, param: str) -> int:
    for index, item in enumerate(items):
        if item["id"] == object_id:
            return index
    raise resource_missing("object", object_id, param)
