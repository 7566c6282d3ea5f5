"""Changing an object of which only some fields may be changed. Source: docs.stripe.com/api/events/object."""

from typing import Any

from simulator.state import Json
from simulator.world import Call


def update_fields(call: Call, subject: Json, **values: Any) -> Json:
    """Set the fields and announce `<object>.updated` with those that were different; nothing different, no event."""
    before = {name: subject[name] for name, value in values.items() if subject[name] != value}
    subject |= values
    if before:
        call.emit(f"{subject['object']}.updated", call.account.put(subject), before)
    return subject


def without_empty(params: Json) -> Json:
    """Texts as they are kept: an empty one unsets its field."""
    return {name: None if value == "" else value for name, value in params.items()}
