"""What Stripe made of a story, as it is delivered: each event checked against Stripe's description of its API."""

import json
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import NamedTuple

from tests.contract import CONTRACT
from tests.convergence.stories import Story, Twin
from tests.simulated import Event


class Captured(NamedTuple):
    """An event as Stripe's side made it, and the account to whose endpoint it is posted."""

    account: str
    event: Event

    @property
    def payload(self) -> bytes:
        return json.dumps(self.event).encode()

    def __str__(self) -> str:
        status = self.event["data"]["object"].get("status")
        return f"{self.event['type']} ({status})" if status else str(self.event["type"])


def capture(story: Story, events: list[Event]) -> list[Captured]:
    """What is delivered of all events, in the order in which it was made, twins last."""
    delivered = [event for event in events if not any(fnmatchcase(event["type"], lost) for lost in story.lost)]
    types = tuple(event["type"] for event in delivered)
    assert types == story.deliveries, f"Stripe made {types}"
    captured = [Captured("default", event) for event in delivered]
    captured += [twin_of(events, twin, number) for number, twin in enumerate(story.twins)]
    for one in captured:
        CONTRACT.check_answer(one.event)
    return captured


def twin_of(events: list[Event], twin: Twin, number: int) -> Captured:
    original = next(event for event in events if event["type"] == twin.of)
    envelope = given(livemode=twin.livemode, api_version=twin.api_version)
    told = original["data"]["object"] | given(currency=twin.currency)
    changes = {"id": f"{original['id']}_{number}", "data": original["data"] | {"object": told}}
    return Captured(twin.to, original | changes | envelope)


def given(**values: object) -> Event:
    return {name: value for name, value in values.items() if value is not None}


def describe(sequence: list[Captured]) -> Iterator[str]:
    for number, one in enumerate(sequence, start=1):
        elsewhere = "" if one.account == "default" else f" at {one.account}"
        yield f"{number}. {one} {one.event['id']}{elsewhere}"
