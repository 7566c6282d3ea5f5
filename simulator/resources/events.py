"""`/v1/events`: what happened, for thirty days. Source: docs.stripe.com/api/events/list."""

from simulator.errors import invalid_parameter, resource_missing
from simulator.resources.listing import in_range, matches_type, paginate
from simulator.state import Json
from simulator.world import Call

KEPT_SECONDS = 30 * 24 * 60 * 60
MAX_TYPES = 20


def list_events(call: Call) -> Json:
    params = call.params
    if "type" in params and "types" in params:
        raise invalid_parameter("types", "You may only specify one of these parameters: type, types.")
    types = params.get("types", [params["type"]] if "type" in params else [])
    if len(types) > MAX_TYPES:
        raise invalid_parameter("types", f"You may filter by at most {MAX_TYPES} types.")
    found = [
        event
        for event in reversed(call.account.records("event").values())
        if _is_kept(call, event)
        and matches_type(event["type"], types)
        and in_range(event["created"], params.get("created", {}))
        and params.get("delivery_success") in (None, event["pending_webhooks"] == 0)
    ]
    return paginate(call, found)


def retrieve(call: Call) -> Json:
    event = call.account.find("event", call.ids["id"])
    if event is None or not _is_kept(call, event):
        raise resource_missing("event", call.ids["id"], "id")
    return event


def _is_kept(call: Call, event: Json) -> bool:
    return bool(event["created"] > call.now - KEPT_SECONDS)


HANDLERS = {("GET", "/v1/events"): list_events, ("GET", "/v1/events/{id}"): retrieve}
