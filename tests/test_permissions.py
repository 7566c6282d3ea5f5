"""Every address of the admin, tried by everybody: through the URLs, not the buttons.

The addresses come from the resolver, so one that is added later is tried too.
"""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from django.apps import apps as installed
from django.contrib import admin
from django.contrib.admin.utils import quote
from django.contrib.auth.models import User
from django.db import connection
from django.db.models import Model
from django.test import Client, RequestFactory
from django.urls import NoReverseMatch, URLPattern, URLResolver, reverse
from procrastinate.contrib.django.models import ProcrastinateJob

from billing.models import Discount, Tax
from core.staff.roles import LEAD, OPERATOR, VIEWER
from core.tests.staff import person
from orders.models import Item, Order
from orders.tests.shopping import buy, deliver_all
from tests.simulated import SimulatedStripe

pytestmark = pytest.mark.django_db(transaction=True)

# What everybody who is signed in may do, since it concerns them alone, and what is there before anybody is.
OWN = {"login", "sign_in_code", "second_factor", "logout", "password_change", "password_change_done", "jsi18n"}
# What a form of the admin might hold: confirmations, an action on all rows, values for whatever is asked.
PAYLOAD = {
    "post": "yes",
    "confirm": "1",
    "action": "delete_selected",
    "_selected_action": "1",
    "_save": "Save",
    "reason": "requested_by_customer",
    "amount": "1",
    "text": "noted",
    "name": "renamed",
    "price": "1",
    "currency": "usd",
    "version": "1",
    "call_id": "6f1c6a2e-3f0e-4c55-9f0b-0f4a3c1d2e3f",
}
# Tables that anybody's visit may write to: sessions, and the record of what was denied.
OF_VISITS = {"django_session", "core_staffrecord"}
SOLD = {"orders.item", "billing.discount", "billing.tax"}
# Of who may order a run of many rows.
ACTORS_ALONE = {"core.bulkrun"}
PEOPLE = {"auth.user", "auth.group", "core.staffrecord"}


class Address(NamedTuple):
    name: str
    path: str
    model: str

    @property
    def is_of_people(self) -> bool:
        return self.model in PEOPLE


def patterns(entries: list[Any]) -> Iterator[URLPattern]:
    for entry in entries:
        if isinstance(entry, URLResolver):
            yield from patterns(entry.url_patterns)
        elif isinstance(entry, URLPattern):
            yield entry


def addresses() -> list[Address]:
    """Of every named view of the site, with the first row of its model where it wants one."""
    found = []
    models: dict[str, type[Model]] = {
        model._meta.label_lower.replace(".", "_"): model for model in admin.site._registry
    }
    for pattern in patterns(admin.site.urls[0]):
        if not pattern.name:
            continue
        prefix = next((name for name in sorted(models, key=len, reverse=True) if pattern.name.startswith(name)), "")
        model = models.get(prefix)
        found.append(Address(pattern.name, path_of(pattern, model), model._meta.label_lower if model else ""))
    return found


def path_of(pattern: URLPattern, model: type[Model] | None) -> str:
    row = model._default_manager.order_by("pk").first() if model else None
    key = row.pk if row else 1
    names = list(pattern.pattern.converters) + list(re.findall(r"\(\?P<(\w+)>", str(pattern.pattern)))
    unknown_id = "6f1c6a2e-3f0e-4c55-9f0b-0f4a3c1d2e3f"
    known = {"app_label": "orders", "content_type_id": 1, "extra_context": "", "month": "2026-10"}
    known |= dict.fromkeys(["approval", "note"], unknown_id)
    values = {name: known.get(name, quote(key) if name == "object_id" else key) for name in names}
    try:
        return reverse(f"admin:{pattern.name}", kwargs=values)
    except NoReverseMatch:
        pytest.fail(f"no address for {pattern.name}: say here what it takes ({', '.join(names)})")


def actions_of(address: Address) -> Iterator[dict[str, Any]]:
    """Every action that a list knows, whoever it is offered to, on all of its rows."""
    if not address.name.endswith("_changelist"):
        return
    model = installed.get_model(address.model)
    keys = [str(key) for key in model._default_manager.values_list("pk", flat=True)[:100]]
    request = RequestFactory().get(address.path)
    request.user = User(is_superuser=True, is_active=True, is_staff=True)
    for name in admin.site._registry[model].get_actions(request) | {"delete_selected": None}:
        yield {"action": name, "_selected_action": keys, "index": "0", "post": "yes"}


def everything() -> dict[str, str]:
    """A digest of each table's rows; of the log, without the record of visits."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        tables = {name for [name] in cursor.fetchall()} - OF_VISITS
        digests = (
            f"SELECT '{table}', md5(coalesce(string_agg(t::text, ',' ORDER BY t::text), '')) FROM {table} t "  # noqa: S608 our own tables' names
            + ("WHERE stream NOT LIKE 'staff-%'" if table == "core_event" else "")
            for table in sorted(tables)
        )
        cursor.execute(" UNION ALL ".join(digests))
        return dict(cursor.fetchall())


def browser_of(user: User) -> Client:
    browser = Client()
    browser.force_login(user)
    return browser


@pytest.fixture
def books(client: Client, mug: Item, stripe_side: SimulatedStripe) -> Order:
    """Something of everything: an order that was paid, one that waits, a discount, a tax, users and groups."""
    Discount.objects.create(name="Spring", code="SPRING", percent_off="15")
    Tax.objects.create(name="VAT", percentage="20", inclusive=True)
    client.get(f"/item/{mug.pk}")
    paid = Order.objects.get(pk=buy(client, mug)["order_id"])
    stripe_side.pay(paid.checkouts.get().url)
    deliver_all(client, stripe_side)
    return Order.objects.get(pk=paid.pk)


@pytest.mark.usefixtures("books")
class TestEveryAddress:
    def test_is_tried(self) -> None:
        names = {address.name for address in addresses()}
        assert len(names) > 100
        assert {
            "orders_order_refund",
            "orders_order_cancel",
            "billing_discount_sync",
            "auth_user_password_change",
        } <= names

    def test_leads_strangers_to_the_sign_in(self) -> None:
        before = everything()
        for address in addresses():
            if address.name in OWN:
                continue
            for answer in (Client().get(address.path), Client().post(address.path, PAYLOAD)):
                assert answer.status_code == 302, address
                assert answer["Location"].startswith("/admin/login/"), address
        assert everything() == before

    def test_shows_staff_without_a_role_nothing(self) -> None:
        browser = browser_of(person())
        for address in addresses():
            if address.model:
                # 302: a page of a row that there is none of leads back to the start.
                assert browser.get(address.path).status_code in {302, 403, 405}, address

    @pytest.mark.parametrize("role", ["", VIEWER])
    def test_runs_no_action_of_a_list_for_who_may_only_look(self, role: str) -> None:
        browser = browser_of(person(role=role))
        before, tried = everything(), set()
        for address in addresses():
            for payload in actions_of(address):
                assert browser.post(address.path, payload).status_code < 500, address
                assert everything() == before, (address, payload["action"])
                tried.add(payload["action"])
        assert len(tried) > 2
        assert ProcrastinateJob.objects.exists()

    @pytest.mark.parametrize("role", ["", VIEWER])
    def test_changes_nothing_for_who_may_only_look(self, role: str) -> None:
        browser = browser_of(person(role=role))
        before = everything()
        for address in addresses():
            if address.name not in OWN:
                answer = browser.post(address.path, PAYLOAD)
                assert answer.status_code < 500, address
                assert everything() == before, address

    @pytest.mark.parametrize("role", [VIEWER, OPERATOR, LEAD])
    def test_shows_figures_to_finance_and_people_to_superusers(self, role: str) -> None:
        browser = browser_of(person(role=role))
        for address in addresses():
            if address.name.endswith("_changelist"):
                is_hidden = address.is_of_people or (role == VIEWER and address.model in ACTORS_ALONE)
                expected = 403 if is_hidden else 200
                assert browser.get(address.path).status_code == expected, address
            elif address.is_of_people:
                assert browser.post(address.path, PAYLOAD).status_code == 403, address

    @pytest.mark.parametrize("role", [OPERATOR, LEAD])
    def test_lets_no_role_change_what_is_sold(self, role: str) -> None:
        browser = browser_of(person(role=role))
        before = everything()
        for address in addresses():
            if address.model in SOLD and address.name.rpartition("_")[2] in {"add", "change", "delete"}:
                assert browser.post(address.path, PAYLOAD).status_code == 403, address
        assert everything() == before

    def test_changes_something_for_a_superuser(self, admin_client: Client) -> None:
        """Else the tests above would prove nothing."""
        changed = set()
        for address in addresses():
            if address.name in {
                "billing_discount_delete",
                "orders_order_looked_at",
                "billing_tax_sync",
                "auth_group_delete",
            }:
                before = everything()
                admin_client.post(address.path, PAYLOAD)
                if everything() != before:
                    changed.add(address.name)
        assert {"billing_discount_delete", "billing_tax_sync", "auth_group_delete"} <= changed


def test_a_viewer_can_not_act_on_an_order(books: Order) -> None:
    browser = browser_of(person(role=VIEWER))
    for action in ("cancel", "refund", "return_surplus", "looked_at"):
        address = f"/admin/orders/order/{books.pk}/{action}/"
        assert browser.get(address).status_code == 403
        assert browser.post(address, PAYLOAD).status_code == 403
