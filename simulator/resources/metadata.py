"""`metadata` of any object. Source: docs.stripe.com/api/metadata (limits, unsetting)."""

from typing import Any

from simulator.errors import invalid_parameter
from simulator.state import Json

METADATA_KEYS, METADATA_KEY, METADATA_VALUE = 50, 40, 500


def check_metadata(param: str, metadata: dict[str, str]) -> None:
    too_long = any(len(key) > METADATA_KEY or len(value) > METADATA_VALUE for key, value in metadata.items())
    if too_long or len(metadata) > METADATA_KEYS:
        raise invalid_parameter(
            param,
            f"Metadata can have up to {METADATA_KEYS} keys of up to {METADATA_KEY} characters, with values of up to "
            f"{METADATA_VALUE} characters.",
        )


def merge_metadata(kept: dict[str, str], params: Json) -> dict[str, Any]:
    """The metadata after an update: an empty value unsets its key, an empty text in place of the object all."""
    given = params.get("metadata", {})
    if given == "":
        return {}
    merged = {key: value for key, value in (kept | given).items() if value}
    check_metadata("metadata", merged)
    return merged
