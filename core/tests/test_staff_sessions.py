"""Sessions of staff end; shoppers have none. What the admin denies is on record."""

from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from freezegun import freeze_time

from core.staff.roles import LEAD, VIEWER
from core.tests.staff import PASSWORD, give_password, is_in, person, told
from orders.models import Item

pytestmark = pytest.mark.django_db

NOON = "2026-11-25 12:00:00"
MINUTE = 60


class TestASession:
    def test_ends_after_half_an_hour_without_activity(self, client: Client) -> None:
        user = person()
        with freeze_time(NOON) as clock:
            give_password(client)
            for _ in range(3):
                clock.tick(29 * MINUTE)
                assert is_in(client)
            clock.tick(30 * MINUTE)
            assert not is_in(client)
        assert told(user.pk)[-1] == ("staff.signed_out", {"why": "idle"})
        assert not Session.objects.exists()

    def test_ends_after_twelve_hours_whatever_is_done(self, client: Client) -> None:
        user = person()
        with freeze_time(NOON) as clock:
            give_password(client)
            for _ in range(12 * 3 - 1):
                clock.tick(20 * MINUTE)
                assert is_in(client)
            clock.tick(20 * MINUTE)
            assert not is_in(client)
        assert told(user.pk)[-1] == ("staff.signed_out", {"why": "too_long"})

    def test_is_over_on_the_shops_pages_too(self, client: Client, mug: Item) -> None:
        person()
        with freeze_time(NOON) as clock:
            give_password(client)
            clock.tick(31 * MINUTE)
            client.get(f"/item/by_order/{mug.pk}")
            assert not Session.objects.exists()

    def test_without_stamps_is_over(self, client: Client) -> None:
        client.force_login(person())
        session = client.session
        del session["signed_in_at"]
        session.save()
        assert not is_in(client)

    def test_gets_a_new_key_at_sign_in(self, client: Client) -> None:
        person()
        give_password(client)
        first = client.session.session_key
        give_password(client)
        assert client.session.session_key != first
        assert not Session.objects.filter(pk=first).exists()

    def test_others_end_when_the_password_changes(self, client: Client) -> None:
        person()
        other = Client()
        give_password(client)
        give_password(other)
        new = "quite another one"
        form = {"old_password": PASSWORD, "new_password1": new, "new_password2": new}
        assert client.post("/admin/password_change/", form).status_code == 302
        assert is_in(client)
        assert not is_in(other)

    def test_ends_when_asked(self, client: Client) -> None:
        user = person()
        give_password(client)
        client.post("/admin/logout/")
        assert not is_in(client)
        assert told(user.pk)[-1] == ("staff.signed_out", {"why": "asked"})

    def test_cookie_is_kept_from_scripts_and_other_sites(self, client: Client) -> None:
        person()
        cookie = give_password(client).cookies["sessionid"]
        assert cookie["httponly"]
        assert cookie["samesite"] == "Lax"


class TestAShopper:
    @pytest.mark.parametrize("cookies", [{}, {"sessionid": "made-up-by-somebody"}])
    def test_causes_no_session_and_no_query_for_one(self, client: Client, mug: Item, cookies: dict[str, str]) -> None:
        client.cookies.load(cookies)
        client.get("/")
        with CaptureQueriesContext(connection) as captured:
            for path in ("/", f"/item/{mug.pk}", "/basket"):
                client.get(path)
        statements = " ".join(query["sql"] for query in captured)
        for table in ("axes_", "otp_", "core_staffrecord", "auth_user"):
            assert table not in statements
        if not cookies:
            assert "django_session" not in statements
        assert 'INSERT INTO "django_session"' not in statements
        assert not Session.objects.exists()

    def test_of_staff_at_the_shop_writes_no_session(self, client: Client, mug: Item) -> None:
        person()
        with freeze_time(NOON) as clock:
            give_password(client)
            before = Session.objects.values().get()
            clock.tick(5 * MINUTE)
            client.get(f"/item/{mug.pk}")
            assert Session.objects.values().get() == before


class TestADenial:
    def denied(self, user: Any) -> list[dict[str, str]]:
        return [data for kind, data in told(user.pk) if kind == "staff.denied"]

    def test_is_on_record_with_the_view_the_method_and_the_permission(self, client: Client) -> None:
        user = person(role=VIEWER)
        client.force_login(user)
        client.get("/admin/orders/item/add/")
        client.post("/admin/orders/item/add/", {"name": "Free lunch"})
        client.get("/admin/auth/user/")
        assert self.denied(user) == [
            {"view": "admin:orders_item_add", "method": "GET", "permission": "orders.add_item"},
            {"view": "admin:orders_item_add", "method": "POST", "permission": "orders.add_item"},
            {"view": "admin:auth_user_changelist", "method": "GET", "permission": ""},
        ]

    def test_is_one_of_what_nobody_may_too(self, client: Client) -> None:
        user = person(role=LEAD)
        client.force_login(user)
        client.post("/admin/core/event/add/", {})
        [denied] = self.denied(user)
        assert denied["view"] == "admin:core_event_add"

    def test_is_no_fact_about_strangers(self, client: Client) -> None:
        assert client.get("/admin/orders/order/")["Location"].startswith("/admin/login/")
        assert told(0) == []
