"""Signing in: what is asked, what is refused, and that all of it is on record."""

import json
from base64 import b32decode
from io import StringIO

import pytest
from django.conf import LazySettings
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp.models import TOTPDevice
from freezegun import freeze_time

from core.eventlog.replay import check_rows
from core.models import Event, StaffRecord
from core.staff import record, signing_in
from core.tests.staff import (
    CODE,
    LOGIN,
    SET_UP,
    code_now,
    device_of,
    give_code,
    give_password,
    is_in,
    person,
    recovery_codes_on,
    told,
)

pytestmark = pytest.mark.django_db

NOON = "2026-11-25 12:00:00"
FAILED = ("staff.sign_in_failed", {"why": "password"})


@pytest.fixture
def required(settings: LazySettings) -> None:
    """As everywhere but in the demo."""
    settings.SECOND_FACTOR_REQUIRED = True


class TestInTheDemo:
    def test_the_password_is_enough(self, client: Client) -> None:
        user = person()
        answer = give_password(client, next="/admin/orders/order/")
        assert (answer.status_code, answer["Location"]) == (302, "/admin/orders/order/")
        assert is_in(client)
        assert told(user.pk) == [("staff.signed_in", {"second_factor": "not_needed"})]

    def test_a_device_that_was_set_up_is_asked_for(self, client: Client) -> None:
        device = device_of(person())
        assert give_password(client)["Location"] == CODE
        assert not is_in(client)
        assert give_code(client, code_now(device))["Location"] == "/admin/"
        assert is_in(client)

    def test_setting_one_up_ends_the_other_sessions_and_keeps_this_one(self, client: Client) -> None:
        person()
        other = Client()
        give_password(client)
        give_password(other)
        key = client.get(SET_UP).context["text"].replace(" ", "")
        page = client.post(SET_UP, {"code": code_of(key)})
        assert len(recovery_codes_on(page)) == 10
        assert is_in(client)
        assert not is_in(other)


def code_of(text: str) -> str:
    """What an app shows that has scanned this key."""
    return code_now(TOTPDevice(key=b32decode(text).hex()))


@pytest.mark.usefixtures("required")
class TestTheFirstSignIn:
    def test_sets_a_device_up_before_anything_else(self, client: Client) -> None:
        user = person()
        assert give_password(client, next="/admin/orders/order/")["Location"] == SET_UP
        assert not is_in(client)
        page = client.get(SET_UP)
        assert 'src="data:image/svg+xml' in page.content.decode()
        page = client.post(SET_UP, {"code": code_of(page.context["text"].replace(" ", ""))})
        assert 'href="/admin/orders/order/"' in page.content.decode()
        assert is_in(client)
        assert told(user.pk) == [
            ("staff.second_factor_set", {}),
            ("staff.signed_in", {"second_factor": "set_up"}),
        ]
        assert recovery_codes_on(client.get(SET_UP)) == [], "they are shown once"

    def test_uses_up_the_code_that_set_it_up(self, client: Client) -> None:
        person()
        with freeze_time(NOON):
            give_password(client)
            code = code_of(client.get(SET_UP).context["text"].replace(" ", ""))
            client.post(SET_UP, {"code": code})
            other = Client()
            give_password(other)
            give_code(other, code)
        assert not is_in(other)

    def test_refuses_a_wrong_code_and_keeps_the_key(self, client: Client) -> None:
        user = person()
        give_password(client)
        text = client.get(SET_UP).context["text"]
        assert client.post(SET_UP, {"code": "000000"}).context["text"] == text
        assert client.post(SET_UP, {"code": "nonsense"}).status_code == 200
        assert not TOTPDevice.objects.filter(user=user).exists()
        assert not is_in(client)

    def test_shows_everybody_another_key(self, client: Client) -> None:
        """Who knows the password alone learns no key that its owner will use."""
        person()
        keys = set()
        for browser in (client, Client()):
            give_password(browser)
            keys.add(browser.get(SET_UP).context["text"])
        assert len(keys) == 2

    def test_of_two_windows_one_sets_it_up(self, client: Client) -> None:
        person()
        first, second = client, Client()
        texts = []
        for browser in (first, second):
            give_password(browser)
            texts.append(browser.get(SET_UP).context["text"].replace(" ", ""))
        first.post(SET_UP, {"code": code_of(texts[0])})
        second.post(SET_UP, {"code": code_of(texts[1])})
        assert is_in(first)
        assert not is_in(second)
        assert TOTPDevice.objects.count() == 1


@pytest.mark.usefixtures("required")
class TestTheSecondStep:
    @pytest.mark.parametrize("address", [CODE, SET_UP])
    def test_is_nothing_without_the_first(self, client: Client, address: str) -> None:
        assert client.get(address)["Location"] == LOGIN
        assert client.post(address, {"code": "123456"})["Location"] == LOGIN

    def test_takes_no_code_twice(self, client: Client) -> None:
        device = device_of(person())
        with freeze_time(NOON):
            code = code_now(device)
            give_password(client)
            give_code(client, code)
            assert is_in(client)
            other = Client()
            give_password(other)
            assert "used already" in give_code(other, code).content.decode()
            assert not is_in(other)

    def test_takes_no_old_code(self, client: Client) -> None:
        device = device_of(person())
        with freeze_time(NOON) as clock:
            code = code_now(device)
            clock.tick(120)
            give_password(client)
            give_code(client, code)
        assert not is_in(client)

    def test_makes_whoever_guesses_wait(self, client: Client) -> None:
        device = device_of(person())
        with freeze_time(NOON) as clock:
            give_password(client)
            give_code(client, "000000")
            give_code(client, code_now(device))
            assert not is_in(client), "the right code came too soon after a wrong one"
            clock.tick(2)
            give_code(client, code_now(device))
            assert is_in(client)

    def test_takes_a_recovery_code_once(self, client: Client) -> None:
        user = person()
        device_of(user)
        StaticDevice.objects.create(user=user, name="").token_set.create(token="abcd2345")
        give_password(client)
        give_code(client, " ABCD 2345 ")
        assert is_in(client)
        assert told(user.pk) == [("staff.signed_in", {"second_factor": "recovery_code"})]
        other = Client()
        give_password(other)
        give_code(other, "abcd2345")
        assert not is_in(other)

    def test_waits_ten_minutes(self, client: Client) -> None:
        device = device_of(person())
        with freeze_time(NOON) as clock:
            give_password(client)
            clock.tick(601)
            assert give_code(client, code_now(device))["Location"] == LOGIN

    def test_is_nothing_once_the_password_has_changed(self, client: Client) -> None:
        user = person()
        device = device_of(user)
        give_password(client)
        user.set_password("another")
        user.save()
        assert give_code(client, code_now(device))["Location"] == LOGIN

    def test_begins_a_session_of_its_own_as_the_first_does(self, client: Client) -> None:
        device = device_of(person())
        keys = set()
        for _ in range(2):
            give_password(client)
            keys.add(client.session.session_key)
        give_code(client, code_now(device))
        keys.add(client.session.session_key)
        assert len(keys) == 3

    def test_no_session_begun_without_it_may_act(self, client: Client) -> None:
        client.force_login(person())
        assert client.get("/admin/")["Location"].startswith(LOGIN)


class TestTheRecord:
    def test_has_names_that_nobody_has_without_the_name_and_once_a_minute(self, client: Client) -> None:
        with freeze_time(NOON) as clock:
            for name in ("mistyped-password", "another", "third"):
                give_password(client, name, "wrong")
            clock.tick(61)
            give_password(client, "fourth", "wrong")
        assert told(0) == [FAILED, FAILED]
        assert "mistyped-password" not in json.dumps([event.data for event in Event.objects.all()])

    def test_holds_no_address(self, client: Client) -> None:
        user = person()
        elsewhere = Client(REMOTE_ADDR="192.0.2.7")
        give_password(elsewhere, password="wrong")
        give_password(elsewhere)
        assert "192.0.2.7" not in json.dumps(list(Event.objects.values("data", "actor", "cause")))
        assert Event.objects.filter(stream=f"staff-{user.pk}", kind="staff.signed_in").get().actor == f"staff:{user.pk}"

    def test_says_that_somebody_without_access_knew_a_password(self, client: Client) -> None:
        user = person(is_staff=False)
        give_password(client)
        assert told(user.pk) == [("staff.sign_in_failed", {"why": "not_staff"})]

    def test_who_can_not_be_recorded_is_not_let_in(self, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        person()

        def fails(*_arguments: object) -> None:
            raise OSError("the log can't be written")

        monkeypatch.setattr(signing_in, "put_on_record", fails)
        client.raise_request_exception = False
        assert give_password(client).status_code == 500
        assert not is_in(client)

    @pytest.mark.django_db(transaction=True)
    def test_folds_to_the_rows(self, client: Client) -> None:
        user = person(role="Finance viewer")
        device = device_of(user)
        give_password(client, password="wrong")
        give_password(client, "nobody")
        give_password(client)
        give_code(client, code_now(device))
        client.post("/admin/logout/")
        row_id = user.pk
        user.delete()
        assert list(check_rows()) == []
        row = StaffRecord.objects.get(pk=row_id)
        assert row.signed_in_at is not None
        assert row.signed_out_at is not None
        assert not row.is_active

    def test_is_of_one_transaction(self) -> None:
        """A row without an event would be drift."""
        with pytest.raises(Exception, match="no fact"):
            record.put_on_record(7, object())
        assert not StaffRecord.objects.filter(pk=7).exists()


class TestAReset:
    def test_is_for_superusers_and_ends_what_was_begun(self, admin_client: Client, client: Client) -> None:
        user = person()
        device = device_of(user)
        give_password(client)
        give_code(client, code_now(device))
        address = f"/admin/auth/user/{user.pk}/reset-second-factor/"
        assert client.post(address).status_code == 403
        assert "of no use any more" in admin_client.get(address).content.decode()
        assert TOTPDevice.objects.count() == 1
        admin_client.post(address)
        assert not TOTPDevice.objects.exists()
        assert not is_in(client)
        assert told(user.pk)[-1] == ("staff.second_factor_reset", {})

    def test_is_a_command_where_no_superuser_can_sign_in(self) -> None:
        user = person()
        device_of(user)
        call_command("reset_second_factor", "finance", stderr=StringIO())
        assert not TOTPDevice.objects.exists()
        reset = Event.objects.get(kind="staff.second_factor_reset")
        assert (reset.stream, reset.actor) == (f"staff-{user.pk}", "system:reset_second_factor")


class TestSecrets:
    def test_of_devices_are_on_no_page_of_the_admin(self, admin_client: Client) -> None:
        device = device_of(User.objects.get(username="admin"))
        for path in ("otp_totp/totpdevice", "otp_static/staticdevice", "axes/accessattempt"):
            assert admin_client.get(f"/admin/{path}/").status_code == 404
        assert device.key not in admin_client.get(f"/admin/auth/user/{device.user_id}/change/").content.decode()
