"""The admin's frame: who acts in it, what it lists, and a log that nobody can touch."""

import re

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from core.admin import ReadOnlyAdmin
from core.admin_site import StaffSite
from core.models import BulkItem, Event, Follower
from core.tests.streams import draft_order
from orders.models import Contact, Item, StateCount

pytestmark = pytest.mark.django_db

OURS = ("core", "billing", "orders", "webhooks")
READ_ONLY = [model for model, options in admin.site._registry.items() if isinstance(options, ReadOnlyAdmin)]


def staff(*permissions: str) -> Client:
    user = User.objects.create_user("finance", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user)
    return client


class TestTheSite:
    def test_is_ours(self) -> None:
        assert isinstance(admin.site, StaffSite)

    def test_shows_every_model_of_our_apps(self) -> None:
        models = {model for app in OURS for model in apps.get_app_config(app).get_models()}
        # The places of projections and the addresses of shoppers are nobody's business; a run's items are on its page;
        # how many orders are in a state is told to Prometheus.
        assert models - {Follower, BulkItem, Contact, StateCount} <= set(admin.site._registry)

    def test_starts_with_the_models_in_groups(self, admin_client: Client) -> None:
        page = admin_client.get("/admin/")
        assert [group["name"] for group in page.context["app_list"]] == [
            "Shop",
            "Finance",
            "Parts of orders",
            "Stripe",
            "Records",
            "People",
        ]
        assert "demo" in page.content.decode()

    def test_leads_people_only_to_what_they_may_see(self) -> None:
        page = staff("view_order").get("/admin/")
        [group] = page.context["sidebar_navigation"]
        assert [item["title"] for item in group["items"]] == ["Orders"]

    def test_has_no_admin_that_transitions_by_itself(self) -> None:
        bases = {base.__name__ for options in admin.site._registry.values() for base in type(options).__mro__}
        assert "FSMAdminMixin" not in bases

    @pytest.mark.parametrize("model", ["user", "group"])
    def test_adds_people(self, admin_client: Client, model: str) -> None:
        assert admin_client.get(f"/admin/auth/{model}/add/").status_code == 200


@pytest.mark.parametrize("model", READ_ONLY, ids=lambda model: model.__name__)
class TestWhatChangesByEventsAlone:
    def test_is_not_touched_by_a_superuser(self, admin_client: Client, model: type) -> None:
        name = f"admin:{model._meta.label_lower.replace('.', '_')}"  # type: ignore[attr-defined]
        assert admin_client.get(reverse(f"{name}_changelist")).status_code == 200
        assert admin_client.post(reverse(f"{name}_add"), {}).status_code == 403
        assert admin_client.get(reverse(f"{name}_add")).status_code == 403

    def test_offers_no_actions(self, model: type) -> None:
        assert admin.site._registry[model].actions is None


class TestTheLog:
    def test_is_not_touched_by_a_superuser(self, admin_client: Client, mug: Item) -> None:
        draft_order(mug)
        event = Event.objects.filter(stream__startswith="order-").earliest("position")
        page = f"/admin/core/event/{event.pk}"
        assert admin_client.post(f"{page}/change/", {"kind": "order.paid"}).status_code == 403
        assert admin_client.post(f"{page}/delete/", {"post": "yes"}).status_code == 403
        assert admin_client.get(f"{page}/delete/").status_code == 403
        assert Event.objects.filter(stream__startswith="order-").count() == 2

    def test_shows_an_event_with_its_data_and_its_stream(self, admin_client: Client, mug: Item) -> None:
        order = draft_order(mug).root
        event = Event.objects.get(stream=order.stream, version=2)
        page = admin_client.get(f"/admin/core/event/{event.pk}/change/").content.decode()
        assert "&quot;unit_amount&quot;: 1850" in page
        assert f"/admin/core/event/?q={order.stream}" in page
        assert bytes(event.digest).hex() in page
        assert 'name="_save"' not in page

    def test_lists_the_newest_first_and_finds_a_stream(self, admin_client: Client, mug: Item) -> None:
        first, _ = draft_order(mug).root, draft_order(mug)
        page = admin_client.get("/admin/core/event/").content.decode()
        positions = re.findall(r"/admin/core/event/(\d+)/change/", page)[::2]
        assert positions == [str(event.pk) for event in Event.objects.order_by("-position")]
        found = admin_client.get("/admin/core/event/", {"q": first.stream})
        assert {event.stream for event in found.context["cl"].result_list} == {first.stream}

    def test_is_neither_counted_nor_sorted_by_what_is_not_indexed(self, admin_client: Client, mug: Item) -> None:
        draft_order(mug)
        with CaptureQueriesContext(
            connection,
        ) as captured:
            admin_client.get("/admin/core/event/")
        asked = [query["sql"] for query in captured if '"core_event"' in query["sql"]]
        keys, rows = asked
        assert keys == 'SELECT "core_event"."position" AS "position" FROM "core_event" ORDER BY 1 DESC LIMIT 10001'
        assert 'WHERE "core_event"."position" IN (' in rows
        assert "COUNT" not in keys + rows

    def test_is_hidden_from_staff_without_the_permission(self) -> None:
        assert staff("view_order").get("/admin/core/event/").status_code == 403
