"""Lockout: after so many failures with a name from one address, nobody signs in with it from there for a while."""

import re
from datetime import timedelta
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.conf import LazySettings
from django.test import Client
from freezegun import freeze_time

from core.staff.lockout import forget_attempts
from core.tests.staff import (
    code_now,
    device_of,
    give_code,
    give_password,
    is_in,
    person,
    told,
)

pytestmark = pytest.mark.django_db

NOON = "2026-11-25 12:00:00"
LIMIT = 5
FAILED = ("staff.sign_in_failed", {"why": "password"})


class TestLockout:
    def fail(self, browser: Client, name: str = "finance", times: int = LIMIT) -> Any:
        for _ in range(times):
            answer = give_password(browser, name, "wrong")
        return answer

    def test_comes_with_the_fifth_failure_and_says_when_to_try_again(self, client: Client) -> None:
        user = person()
        with freeze_time(NOON) as clock:
            assert self.fail(client, times=LIMIT - 1).status_code == 200
            answer = self.fail(client, times=1)
            assert (answer.status_code, answer["Retry-After"]) == (429, "900")
            assert "for 15 minutes, until 12:15 UTC" in re.sub(r"\s+", " ", answer.content.decode())
            assert give_password(client).status_code == 429, "the right password, too"
            assert not is_in(client)
            clock.tick(901)
            give_password(client)
            assert is_in(client)
        assert told(user.pk) == [
            *[FAILED] * LIMIT,
            ("staff.locked_out", {"seconds": 900}),
            ("staff.sign_in_failed", {"why": "locked"}),
            ("staff.signed_in", {"second_factor": "not_needed"}),
        ]

    def test_is_the_same_for_a_name_that_nobody_has(self, client: Client) -> None:
        user = person()
        with freeze_time(NOON):
            known = [self.fail(client, user.username, times=1).content for _ in range(LIMIT + 1)]
            unknown = [self.fail(client, "nobody", times=1).content for _ in range(LIMIT + 1)]
        tokens = re.compile(rb"csrfmiddlewaretoken\S* value=\S+|value=\"(finance|nobody)\"")
        assert [tokens.sub(b"", page) for page in known] == [tokens.sub(b"", page) for page in unknown]

    def test_counts_anew_after_a_sign_in(self, client: Client) -> None:
        person()
        for _ in range(2):
            self.fail(client, times=LIMIT - 1)
            assert give_password(client).status_code == 302

    def test_is_of_one_name_and_address(self, client: Client) -> None:
        person()
        person("other")
        self.fail(client)
        give_password(client, "other")
        assert is_in(client)
        elsewhere = Client(REMOTE_ADDR="192.0.2.7")
        give_password(elsewhere)
        assert is_in(elsewhere)

    def test_comes_with_wrong_codes_as_well(self, client: Client) -> None:
        user = person()
        device = device_of(user)
        with freeze_time(NOON) as clock:
            give_password(client)
            for _ in range(LIMIT):
                answer = give_code(client, "000000")
                clock.tick(30)
            assert answer.status_code == 429
            assert give_code(client, code_now(device)).status_code == 429
            assert give_password(Client()).status_code == 429
        assert told(user.pk)[:2] == [("staff.sign_in_failed", {"why": "code"})] * 2
        assert told(user.pk)[LIMIT] == ("staff.locked_out", {"seconds": 900})

    def test_the_right_password_alone_does_not_begin_the_count_anew(self, client: Client) -> None:
        device_of(person())
        self.fail(client, times=LIMIT - 1)
        give_password(client)
        assert give_code(client, "000000").status_code == 429

    def test_adds_no_event_for_every_attempt_during_it(self, client: Client) -> None:
        user = person()
        with freeze_time(NOON):
            self.fail(client, times=LIMIT + 20)
        assert told(user.pk) == [
            *[FAILED] * LIMIT,
            ("staff.locked_out", {"seconds": 900}),
            ("staff.sign_in_failed", {"why": "locked"}),
        ]

    def test_keeps_names_and_addresses_no_longer_than_it_lasts(self, client: Client) -> None:
        person()
        with freeze_time(NOON) as clock:
            self.fail(client)
            assert forget_attempts() == 0
            clock.tick(901)
            assert forget_attempts() == 1
        assert not AccessAttempt.objects.exists()

    def test_keeps_no_password_and_no_code(self, client: Client) -> None:
        device_of(person())
        give_password(client, password="secret-guess")
        give_password(client)
        give_code(client, "424242")
        kept = " ".join(str(row) for row in AccessAttempt.objects.values())
        assert "secret-guess" not in kept
        assert "424242" not in kept


def test_the_cool_off_is_what_the_log_says(settings: LazySettings) -> None:
    assert timedelta(seconds=900) == settings.AXES_COOLOFF_TIME
    assert settings.AXES_FAILURE_LIMIT == LIMIT
