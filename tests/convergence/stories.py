"""The stories of tests/stories: what is done at the shop and at Stripe, what is delivered of it, how it must end."""

from pathlib import Path
from typing import Any

import msgspec

FOLDER = Path(__file__).parents[1] / "stories"

type Step = dict[str, Any]


class Twin(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One more delivery: a copy of a captured one under an event id of its own.

    `of` is the type of the event (the first of it), which may itself be lost. Posted `to` another account it is signed
    with that one's secret; `livemode` and `api_version` stand in the envelope, `currency` in the object.
    """

    of: str
    to: str = "default"
    livemode: bool | None = None
    api_version: str | None = None
    currency: str | None = None


class End(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The order as it must be, in minor units; below it its rows, each in a few words, sorted.

    `waiting` counts deliveries about payments that no order knows.
    """

    state: str
    dispute_state: str = "none"
    attention: tuple[str, ...] = ()
    received: int = 0
    refunded: int = 0
    surplus: int = 0
    checkouts: tuple[str, ...] = ()
    payments: tuple[str, ...] = ()
    refunds: tuple[str, ...] = ()
    disputes: tuple[str, ...] = ()
    reviews: tuple[str, ...] = ()
    waiting: int = 0


class Story(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`deliveries` are the types of the events in the order in which Stripe made them; `lost` ones never arrive.

    A type in `lost` may be a glob; all other events of the story are delivered.
    """

    about: str
    steps: tuple[Step, ...]
    deliveries: tuple[str, ...]
    end: End
    lost: tuple[str, ...] = ()
    twins: tuple[Twin, ...] = ()

    @property
    def length(self) -> int:
        return len(self.deliveries) + len(self.twins)


STORIES = {path.stem: msgspec.toml.decode(path.read_bytes(), type=Story) for path in sorted(FOLDER.glob("*.toml"))}
