"""Every page speaks the language and tells the time of who looks; what follows stays as it was."""

from datetime import UTC, datetime

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone, translation

from core.times import local_time

pytestmark = pytest.mark.django_db


class TestTheLanguage:
    @pytest.mark.parametrize(
        ("asked", "said"), [("ru-RU,ru;q=0.9,en;q=0.5", "Войти"), ("de,en;q=0.5", "Log in"), ("", "Log in")]
    )
    def test_is_the_browsers(self, client: Client, asked: str, said: str) -> None:
        page = client.get("/admin/login/", headers={"accept-language": asked})
        assert said in page.content.decode()
        assert "Accept-Language" in page["Vary"]

    def test_is_the_one_that_was_chosen(self, client: Client) -> None:
        chosen = client.post("/language", {"language": "ru", "next": "/admin/login/"})
        assert (chosen.status_code, chosen["Location"]) == (302, "/admin/login/")
        assert chosen.cookies[settings.LANGUAGE_COOKIE_NAME]["httponly"]
        assert "Войти" in client.get("/admin/login/", headers={"accept-language": "en"}).content.decode()

    def test_does_not_lead_away_when_it_is_chosen(self, client: Client) -> None:
        chosen = client.post("/language", {"language": "ru", "next": "https://evil.example/"})
        assert "evil" not in chosen["Location"]

    def test_is_offered(self, admin_client: Client) -> None:
        page = admin_client.get("/admin/").content.decode()
        assert "Русский" in page
        assert 'name="language"' in page

    def test_is_not_that_of_the_next_request(self, client: Client) -> None:
        client.get("/admin/login/", headers={"accept-language": "ru"})
        assert translation.get_language() == "en"
        assert '<html lang="en"' in client.get("/").content.decode()


class TestTheTime:
    AT = datetime(2026, 11, 24, 23, 30, 5, tzinfo=UTC)

    def test_is_that_of_the_zone_with_utc_on_hover(self) -> None:
        with timezone.override("Europe/Berlin"):
            shown = local_time(self.AT)
        assert ">2026-11-25 00:30:05</time>" in shown
        assert 'title="2026-11-24 23:30:05 UTC"' in shown

    @pytest.mark.parametrize(
        ("cookie", "shown"),
        [
            ("Asia%2FTokyo", "2026-11-25 08:30:05"),
            ("", "2026-11-24 23:30:05"),
            ("Nowhere%2FLand", "2026-11-24 23:30:05"),
            ("..%2F..%2Fetc%2Fpasswd", "2026-11-24 23:30:05"),
            ("%00", "2026-11-24 23:30:05"),
            ("A" * 4000, "2026-11-24 23:30:05"),
        ],
    )
    def test_is_that_of_the_browsers_zone(
        self, admin_client: Client, admin_user: User, cookie: str, shown: str
    ) -> None:
        User.objects.filter(pk=admin_user.pk).update(last_login=self.AT)
        admin_client.cookies["time_zone"] = cookie
        assert shown[11:16] in admin_client.get(f"/admin/auth/user/{admin_user.pk}/change/").content.decode()
