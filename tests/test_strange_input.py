"""What no browser sends by itself is refused, wherever it is written: a NUL, which no text of PostgreSQL's holds, and
values longer than anything that they could name.
"""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.test import Client
from procrastinate.contrib.django.models import ProcrastinateJob

from billing.models import Discount
from core.models import BulkRun, Follower
from core.tests.staff import LOGIN
from core.tests.streams import draft_order
from orders.models import Item, Order, StaffNote
from orders.shopper import COOKIE
from webhooks.models import Delivery

pytestmark = pytest.mark.django_db(transaction=True)

DIGITS = "9" * 5000  # more than Python reads as a number
STRANGE = ["\0", DIGITS, f"after~{'9' * 30}", "after~\0", "²"]


@pytest.fixture
def order(mug: Item) -> Order:
    return draft_order(mug).root


def lists() -> Iterator[tuple[str, list[str]]]:
    """One list of each make: its address, and what its address may be asked with."""
    for model in (Order, Item, Discount, Delivery, Follower, ProcrastinateJob, User):
        model_admin = admin.site._registry[model]
        filters = (one[0] if isinstance(one, tuple) else one for one in model_admin.list_filter)
        names = [one if isinstance(one, str) else getattr(one, "parameter_name", "") for one in filters]
        yield f"/admin/{model._meta.app_label}/{model._meta.model_name}/", ["q", "p", "o", *filter(None, names)]


def test_every_list_of_the_admin_is_searched_filtered_and_paged(admin_client: Client, order: Order) -> None:
    admin_client.raise_request_exception = False
    asked = [(path, {name: value}) for path, names in lists() for name in names for value in STRANGE]
    assert len(asked) > 100
    broken = []
    for path, sent in asked:
        answer = admin_client.get(path, sent)
        if answer.status_code >= 500:
            broken.append(
                (
                    path,
                    {name: value[:20] for name, value in sent.items()},
                    repr(getattr(answer, "exc_info", None))[:300],
                )
            )
    assert broken == []


def test_no_page_of_a_row_is_named_by_it(admin_client: Client) -> None:
    paths = [f"{path}{quote('a\0')}/{page}/" for path, _names in lists() for page in ("change", "history", "delete")]
    assert {admin_client.get(path).status_code for path in paths} == {404}


@pytest.mark.parametrize("name", ["\0", "admin\0", "x" * 300, "\u202e" * 300])
def test_nobody_signs_in_with_it(client: Client, admin_user: Any, name: str) -> None:
    answer = client.post(LOGIN, {"username": name, "password": "password\0", "next": "/admin/\0"})
    assert (answer.status_code, client.get("/admin/").status_code) == (200, 302)


def test_no_note_holds_it(admin_client: Client, order: Order) -> None:
    form = {"note": str(uuid4()), "text": "Called\0"}
    page = admin_client.post(f"/admin/orders/order/{order.pk}/note/", form, follow=True)
    assert [str(message) for message in page.context["messages"]] == [
        "The form of the note was broken: write it again."
    ]
    assert not StaffNote.objects.exists()


@pytest.mark.parametrize("keys", ["7,\0", f"7,{'x' * 256}", "7,,8", ""])
def test_no_row_of_a_bulk_action_is_named_by_it(admin_client: Client, keys: str) -> None:
    form = {"action": "orders.cancel", "keys": keys, "run": str(uuid4())}
    page = admin_client.post("/admin/orders/order/bulk/", form, follow=True)
    assert [str(message) for message in page.context["messages"]] == ["The form was broken: nothing was done."]
    assert not BulkRun.objects.exists()


@pytest.mark.parametrize("value", ["\0", DIGITS, "²", "x" * 5000])
def test_no_form_of_the_admin_takes_it(admin_client: Client, order: Order, mug: Item, value: str) -> None:
    admin_client.raise_request_exception = False
    own = f"/admin/orders/order/{order.pk}"
    forms: list[tuple[str, list[str]]] = [
        ("/admin/orders/order/", ["_selected_action", "action"]),
        ("/admin/webhooks/delivery/", ["_selected_action", "action"]),
        (f"{own}/looked-at/", ["reason"]),
        (f"{own}/cancel/", ["reason"]),
        (f"{own}/refund/", ["payment", "amount", "reason", "call_id", "how"]),
        (f"/admin/orders/item/{mug.pk}/change/", ["name", "description", "price", "currency"]),
        ("/admin/billing/discount/add/", ["name", "code", "percent_off", "amount_off", "currency"]),
        ("/admin/billing/tax/add/", ["name", "percentage", "country", "jurisdiction"]),
        (LOGIN, ["username", "password", "next"]),
        ("/admin/language/", ["language", "next"]),
    ]
    actions = {"/admin/orders/order/": "orders.cancel", "/admin/webhooks/delivery/": "webhooks.handle_again"}
    for path, names in forms:
        for name in names:
            form = {"action": actions.get(path, ""), "_selected_action": "1"} | {name: value}
            answer = admin_client.post(path, form)
            assert answer.status_code < 500, (path, name, getattr(answer, "exc_info", None))


@pytest.mark.parametrize("value", ["\0", DIGITS, "²", "x" * 5000])
def test_the_shop_knows_nothing_of_it(client: Client, mug: Item, order: Order, value: str) -> None:
    client.raise_request_exception = False
    client.get(f"/item/{mug.pk}")
    named = quote(value, safe="")
    answers = [
        client.get(f"/order/{named}"),
        client.get(f"/order/{order.pk}?token={named}"),
        client.get(f"/item/{named}"),
        client.get(f"/item/by_order/{mug.pk}?before={named}"),
        client.post(f"/webhooks/stripe/{named}/", "{}", content_type="application/json"),
        client.post("/basket/items", {"item": value, "quantity": "1"}),
        client.post("/basket/items", {"item": str(mug.pk), "quantity": value}),
        client.post("/basket/discount", {"code": value}),
        *(
            client.post("/basket/discount", {"code": code}, content_type="application/json")
            for code in (value, "\ud800")
        ),
        client.post("/basket/checkout", {"total": value, "version": value, "item": value}),
        client.get("/", headers={"cookie": f"{COOKIE}={named}; time_zone={named}; sessionid={named}"}),
    ]
    assert [answer.status_code for answer in answers if answer.status_code >= 500] == []
