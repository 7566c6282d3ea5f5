"""Stripe's answers as the stand-in can't give them: refusals of restricted keys, objects of the wrong mode."""

import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from tests.contract import ContractCheckedClient

type Answer = tuple[Any, int, Mapping[str, str]]
type Alteration = Callable[[Answer], Answer]

# By path.
alterations: dict[str, Alteration] = {}


class AlteredStripe(ContractCheckedClient):
    """For STRIPE_HTTP_CLIENT."""

    def request(
        self, method: str, url: str, headers: Mapping[str, str] | None, post_data: Any = None, *, _usage: Any = None
    ) -> Answer:
        answer = super().request(method, url, headers, post_data)
        alter = alterations.get(urlsplit(url).path)
        return alter(answer) if alter else answer


def forbidden(answer: Answer) -> Answer:
    """As Stripe refuses what a restricted key may not do: docs.stripe.com/keys#limit-access"""
    message = "The provided key 'rk_test_secret' does not have the required permissions for this endpoint."
    return json.dumps({"error": {"type": "invalid_request_error", "message": message}}), 403, answer[2]


def undated(answer: Answer) -> Answer:
    body, status, headers = answer
    return body, status, {name: value for name, value in headers.items() if name != "Date"}


def with_fields(**fields: object) -> Alteration:
    """An object, or every object of a list, that says something else."""

    def alter(answer: Answer) -> Answer:
        body, status, headers = answer
        told = json.loads(body)
        altered = {"data": [each | fields for each in told["data"]]} if told["object"] == "list" else fields
        return json.dumps(told | altered), status, headers

    return alter
