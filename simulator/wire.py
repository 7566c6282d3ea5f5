"""How Stripe spells JSON: indented, the same for an API answer and for a webhook's payload."""

import json
from typing import Any

CONTENT_TYPE = "application/json; charset=utf-8"


def render_json(value: Any) -> bytes:
    return json.dumps(value, indent=2, ensure_ascii=False).encode()
