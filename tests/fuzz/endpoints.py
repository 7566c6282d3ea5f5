"""Every address that the product answers at, each with how it is asked and what it may answer.

A route that is in the URL configuration and not here fails the run: nobody has said yet how to attack it.
"""

from collections.abc import Iterator
from typing import NamedTuple

from django.urls import URLPattern, URLResolver, get_resolver
from hypothesis import strategies as st

from tests.fuzz.browsing import ORDERS, Fields, visits
from tests.fuzz.cases import Case

ADMIN = "admin/"  # pages alone, with tests of their own: tests/test_strange_input.py, tests/test_permissions.py
ITEMS = [str(number) for number in range(1, 10)]
ORDER = {"id", "state", "dispute_state", "currency", "subtotal", "discount", "tax", "total", "received", "refunded"}
ORDER_KEYS = frozenset(ORDER | {"surplus", "lines"})
OPENED = frozenset({"session_id", "url", "order_id"})
CODES = ['"SPRING15"', '"five"', '""', '"ONTHEHOUSE"', '"no such code"']


class Endpoint(NamedTuple):
    """`answers`: the keys of each JSON object (or of each in an array) that it may answer with; none where it has pages
    alone. `json_only`: it answers nobody with a page; `json_by_default`: only who asks for one. `weight`: its share of
    the cases.
    """

    path: str
    method: str = "GET"
    answers: tuple[frozenset[str], ...] = ()
    fields: dict[str, list[str]] | None = None
    numbers: tuple[str, ...] = ()
    json_only: bool = False
    json_by_default: bool = True
    redirects: bool = False
    weight: int = 1

    def cases(self) -> st.SearchStrategy[Case]:
        fields = Fields(self.fields) if self.fields is not None else None
        return visits(self.path, self.method, list(self.numbers), fields)


HEALTH = frozenset({"status"})
READY = frozenset({"status", "database", "migrations", "queue"})
PLACED = frozenset({"order_id", "url"})
# By route, as Django's URL patterns spell it.
SHOP = {
    "": Endpoint("/"),
    "item/<int:item_id>": Endpoint("/item/{}", numbers=(*ITEMS,)),
    "item/by_order/<int:item_id>": Endpoint(
        "/item/by_order/{}", answers=(ORDER_KEYS,), numbers=(*ITEMS,), json_only=True, weight=4
    ),
    "buy/<int:item_id>": Endpoint("/buy/{}", answers=(OPENED,), numbers=(*ITEMS,), weight=3),
    "order/<int:order_id>": Endpoint(
        "/order/{}", answers=(ORDER_KEYS,), numbers=(*ORDERS,), json_by_default=False, weight=4
    ),
    "order/<int:order_id>/status": Endpoint(
        "/order/{}/status",
        answers=(frozenset({"state", "payment", "final"}),),
        numbers=(*ORDERS,),
        json_only=True,
        weight=3,
    ),
    "order/<int:order_id>/checkout": Endpoint(
        "/order/{}/checkout", "POST", answers=(OPENED,), fields={}, numbers=(*ORDERS,), weight=3
    ),
    "order/<int:order_id>/payment-intent": Endpoint(
        "/order/{}/payment-intent",
        "POST",
        answers=(frozenset({"client_secret", "publishable_key"}),),
        fields={},
        numbers=(*ORDERS,),
        json_only=True,
        weight=3,
    ),
    "order/<int:order_id>/pay": Endpoint("/order/{}/pay", numbers=(*ORDERS,), redirects=True),
    "order/<int:order_id>/receipt": Endpoint("/order/{}/receipt", numbers=(*ORDERS,)),
    "order/<int:order_id>/revoke-links": Endpoint(
        "/order/{}/revoke-links",
        "POST",
        answers=(frozenset({"order_id"}),),
        fields={"generation": ["0", "1", '"0"']},
        numbers=(*ORDERS,),
        weight=2,
    ),
    "basket": Endpoint("/basket", answers=(ORDER_KEYS,), weight=2),
    "basket/items": Endpoint(
        "/basket/items",
        "POST",
        answers=(ORDER_KEYS,),
        fields={"item": ["1", '"4"', "7"], "quantity": ["0", "1", '"2"', "99"]},
        weight=6,
    ),
    "basket/discount": Endpoint("/basket/discount", "POST", answers=(ORDER_KEYS,), fields={"code": CODES}, weight=5),
    "basket/checkout": Endpoint(
        "/basket/checkout", "POST", answers=(OPENED, PLACED), fields={"pay": ['"here"', '"there"']}, weight=3
    ),
    "language": Endpoint(
        "/language", "POST", fields={"language": ['"ru"', '"en"'], "next": ['"/"', '"//evil.example"']}, redirects=True
    ),
    "healthz": Endpoint("/healthz", answers=(HEALTH,)),
    "readyz": Endpoint("/readyz", answers=(READY,)),
    "metrics": Endpoint("/metrics"),
}
# Attacked by tests.fuzz.deliveries.
WEBHOOKS = {"webhooks/stripe/", "webhooks/stripe/<str:account_name>/"}


def routes() -> Iterator[str]:
    """Of everything that is no page of the admin."""
    yield from routes_below(get_resolver().url_patterns, "")


def routes_below(patterns: list[URLPattern | URLResolver], prefix: str) -> Iterator[str]:
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        if route.startswith(ADMIN):
            continue
        if isinstance(pattern, URLResolver):
            yield from routes_below(pattern.url_patterns, route)
        else:
            yield route


def unknown_routes() -> set[str]:
    return set(routes()) - SHOP.keys() - WEBHOOKS
