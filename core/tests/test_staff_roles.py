"""Who is what: finance's roles after `migrate`, and every change of a person's on record."""

from io import StringIO

import pytest
from django.apps import apps
from django.apps.registry import Apps
from django.conf import LazySettings
from django.contrib.auth.models import Group, Permission, User
from django.core.management import call_command
from django.test import Client

from core.models import Event
from core.staff.roles import ACTS, APPS, LEAD, NOT_FINANCES, OPERATOR, VIEWER, give_roles
from core.tests.staff import is_in, person

pytestmark = pytest.mark.django_db


def permissions_of(role: str) -> set[str]:
    permissions = Group.objects.get(name=role).permissions.select_related("content_type")
    return {f"{permission.content_type.app_label}.{permission.codename}" for permission in permissions}


def roles_told(user: User) -> list[dict[str, object]]:
    events = Event.objects.filter(stream=f"staff-{user.pk}", kind="staff.role_changed").order_by("version")
    return [event.data for event in events]


def browser_of(user: User) -> Client:
    browser = Client()
    browser.force_login(user)
    return browser


class TestRoles:
    def test_are_there_after_migrate_with_exactly_this(self) -> None:
        seen = {
            f"{label}.view_{model._meta.model_name}"
            for label in APPS
            for model in apps.get_app_config(label).get_models()
        }
        seen -= NOT_FINANCES
        assert permissions_of(VIEWER) == seen
        assert permissions_of(OPERATOR) == seen | {"orders.act_on_order"}
        assert permissions_of(LEAD) == seen | {
            "orders.act_on_order",
            "orders.refund_above_limit",
            "finance.close_month",
        }

    def test_name_only_permissions_that_there_are(self) -> None:
        for name in {name for acts in ACTS.values() for name in acts}:
            label, _, codename = name.partition(".")
            assert Permission.objects.filter(content_type__app_label=label, codename=codename).exists(), name

    def test_are_so_again_whatever_was_changed(self) -> None:
        viewer = Group.objects.get(name=VIEWER)
        viewer.permissions.set(Permission.objects.filter(codename="add_user"))
        Group.objects.get(name=LEAD).delete()
        before = permissions_of(OPERATOR)
        give_roles()
        give_roles()
        assert permissions_of(VIEWER) == before - {"orders.act_on_order"}
        assert permissions_of(LEAD) > before

    def test_get_what_a_later_migration_adds(self) -> None:
        Permission.objects.filter(codename="view_payout").delete()
        give_roles()
        assert "finance.view_payout" in permissions_of(VIEWER)

    def test_wait_for_the_users_tables(self) -> None:
        """`migrate core` alone comes before there are any."""
        give_roles(apps=Apps())


class TestTheDemo:
    def test_has_somebody_in_each_role_and_others_have_not(self, settings: LazySettings) -> None:
        for settings.DEMO in (False, True, True):
            call_command("demo", stderr=StringIO())
            made = dict(User.objects.filter(is_superuser=False).values_list("username", "groups__name"))
            assert made == ({"viewer": VIEWER, "operator": OPERATOR, "lead": LEAD} if settings.DEMO else {})
        assert User.objects.get(username="lead").check_password("root")


class TestARoleOnRecord:
    def test_names_groups_by_id_and_who_gave_it(self, admin_client: Client, admin_user: User) -> None:
        user = person()
        viewer = Group.objects.get(name=VIEWER)
        form = {
            "username": "finance",
            "is_active": "on",
            "is_staff": "on",
            "groups": [viewer.pk],
            "date_joined_0": "2026-11-25",
            "date_joined_1": "12:00:00",
        }
        assert admin_client.post(f"/admin/auth/user/{user.pk}/change/", form).status_code == 302
        event = Event.objects.filter(stream=f"staff-{user.pk}").latest("version")
        assert event.data["groups"] == [viewer.pk]
        assert event.actor == f"staff:{admin_user.pk}"
        page = admin_client.get(f"/admin/auth/user/{user.pk}/change/").content.decode()
        assert "Has access to the admin as: Finance viewer" in page

    def test_is_told_of_a_shell_too_and_once(self) -> None:
        user = person()
        group = Group.objects.get(name=VIEWER)
        group.user_set.add(user)
        user.groups.add(group)
        user.is_superuser = True
        user.save()
        user.save()
        user.groups.clear()
        assert [(told["groups"], told["is_superuser"]) for told in roles_told(user)] == [
            ([], False),
            ([group.pk], False),
            ([group.pk], True),
            ([], True),
        ]
        assert Event.objects.latest("position").actor == "system:unattended"

    @pytest.mark.parametrize("way", ["delete", "clear"])
    def test_is_told_when_the_group_goes(self, way: str) -> None:
        group = Group.objects.create(name="Auditors")
        user = person()
        user.groups.add(group)
        if way == "delete":
            group.delete()
        else:
            group.user_set.clear()
        assert [told["groups"] for told in roles_told(user)][-1] == []

    def test_is_told_of_permissions_of_their_own(self) -> None:
        user = person()
        permission = Permission.objects.get(codename="close_month")
        user.user_permissions.add(permission)
        assert roles_told(user)[-1]["permissions"] == [permission.pk]
        permission.delete()
        assert roles_told(user)[-1]["permissions"] == []

    def test_ends_the_sessions_that_were_begun_in_another(self) -> None:
        user, other = person(), person("other")
        browser, untouched = browser_of(user), browser_of(other)
        assert is_in(browser)
        user.groups.add(Group.objects.get(name=VIEWER))
        assert not is_in(browser)
        assert is_in(untouched)

    def test_outlives_the_user(self) -> None:
        user = person(role=VIEWER)
        key = user.pk
        user.delete()
        told = Event.objects.filter(stream=f"staff-{key}").latest("version").data
        assert (told["groups"], told["is_active"]) == ([], False)


class TestUsersAndGroups:
    @pytest.mark.parametrize("path", ["auth/user", "auth/group", "core/staffrecord"])
    def test_are_for_superusers_whatever_others_were_given(self, path: str, admin_client: Client) -> None:
        user = person()
        user.user_permissions.set(Permission.objects.all())
        assert browser_of(user).get(f"/admin/{path}/").status_code == 403
        assert admin_client.get(f"/admin/{path}/").status_code == 200

    def test_nobody_else_can_give_a_role(self) -> None:
        user = person(role=LEAD)
        user.user_permissions.set(Permission.objects.all())
        browser = browser_of(user)
        for path in (f"user/{user.pk}/change", "user/add", "group/1/change", "group/add", f"user/{user.pk}/password"):
            assert browser.post(f"/admin/auth/{path}/", {"is_superuser": "on"}).status_code == 403

    def test_sign_ins_are_listed_for_people_who_are_gone_too(self, admin_client: Client) -> None:
        person("gone").delete()
        person("here")
        page = admin_client.get("/admin/core/staffrecord/").content.decode()
        assert "here" in page
        assert "deleted since" in page
        record = Event.objects.filter(kind="staff.role_changed").latest("position").stream.removeprefix("staff-")
        assert 'id="on-record"' in admin_client.get(f"/admin/core/staffrecord/{record}/change/").content.decode()
