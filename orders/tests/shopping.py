"""What shoppers do, in one line each."""

from typing import Any

from django.test import Client

from orders.models import Item


def buy(client: Client, item: Item) -> dict[str, Any]:
    answer = client.get(f"/buy/{item.pk}")
    assert answer.status_code == 200, answer.content
    found: dict[str, Any] = answer.json()
    return found
