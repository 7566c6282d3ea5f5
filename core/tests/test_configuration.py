"""A broken setting stops the start-up with one line that names it."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from core.configuration import ConfigurationError, read_configuration
from deploy.demo import demo_settings

PRODUCTION = {
    "DATABASE_URL": "postgresql://shop@db/shop",
    "DJANGO_SECRET_KEY": "k" * 50,
    "DJANGO_ALLOWED_HOSTS": "shop.example",
    "PUBLIC_URL": "https://shop.example",
    "STRIPE_DEFAULT_SECRET_KEY": "sk_live_1",
    "STRIPE_DEFAULT_PUBLISHABLE_KEY": "pk_live_1",
    "STRIPE_DEFAULT_WEBHOOK_SECRETS": "whsec_new, whsec_old",
    "AUDIT_SIGNING_KEY": "c2VlZHNlZWRzZWVkc2VlZHNlZWRzZWVkc2VlZHNlZWQ=",
    "REFUND_LIMIT": "50000",
}
POST = {"username": "post", "password": "pw"}
SECOND = {
    "STRIPE_ACCOUNTS": "default,euro",
    "STRIPE_DEFAULT_CURRENCIES": "usd,*",
    "STRIPE_EURO_SECRET_KEY": "sk_live_2",
    "STRIPE_EURO_PUBLISHABLE_KEY": "pk_live_2",
    "STRIPE_EURO_WEBHOOK_SECRETS": "whsec_euro",
    "STRIPE_EURO_CURRENCIES": "eur",
}


def test_a_sole_account_serves_every_currency_and_may_have_two_secrets() -> None:
    account = read_configuration(PRODUCTION).accounts["default"]
    assert account.currencies == {"*"}
    assert account.webhook_secrets == ("whsec_new", "whsec_old")
    assert account.livemode


def test_two_accounts_are_told_apart_by_currency() -> None:
    accounts = read_configuration(PRODUCTION | SECOND).accounts
    assert accounts["default"].currencies == {"usd", "*"}
    assert accounts["euro"].currencies == {"eur"}


@pytest.mark.parametrize(
    ("text", "limits"),
    [
        ("none", {}),
        ("50000", {"*": 50000}),
        ("usd=50000, jpy=0,*=40000", {"usd": 50000, "jpy": 0, "*": 40000}),
    ],
)
def test_refund_limits_are_for_all_currencies_or_by_currency(text: str, limits: dict[str, int]) -> None:
    assert read_configuration(PRODUCTION | {"REFUND_LIMIT": text}).refund_limit == limits


def test_no_refund_limit_is_said_and_never_guessed() -> None:
    for unsaid in ("", ",", " "):
        with pytest.raises(ConfigurationError, match=r"^REFUND_LIMIT .*, or none for no limit$"):
            read_configuration(PRODUCTION | {"REFUND_LIMIT": unsaid})


def test_the_demo_has_a_refund_limit_unless_one_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REFUND_LIMIT", "")
    assert read_limit(demo_settings()) == {"usd": 10000, "eur": 10000, "jpy": 15000, "*": 10000}
    monkeypatch.setenv("REFUND_LIMIT", "none")
    assert read_limit(demo_settings()) == {}


def read_limit(environment: dict[str, str]) -> dict[str, int]:
    return read_configuration(PRODUCTION | environment).refund_limit


@pytest.mark.parametrize(
    ("url", "backend", "options"),
    [
        (
            "smtp+tls://post%40shop:p%3Aw@mail.example:2525",
            "smtp",
            {"host": "mail.example", "port": 2525, "use_tls": True, "username": "post@shop", "password": "p:w"},
        ),
        ("smtps://post:pw@mail.example", "smtp", {"host": "mail.example", "use_ssl": True} | POST),
        ("smtp://[::1]:25", "smtp", {"host": "::1", "port": 25}),
        ("file:///var/mail%20box", "filebased", {"file_path": "/var/mail box"}),
        ("console:", "console", {}),
    ],
)
def test_mail_leaves_as_its_url_says(url: str, backend: str, options: dict[str, Any]) -> None:
    found = read_configuration(PRODUCTION | {"EMAIL_URL": url, "EMAIL_FROM": "Лавка <shop@shop.example>"})
    assert found.mailer
    assert found.mailer.backend == f"django.core.mail.backends.{backend}.EmailBackend"
    assert {name: value for name, value in found.mailer.options.items() if name != "timeout"} == options
    assert found.email_from == "Лавка <shop@shop.example>"


def test_without_its_url_no_mail_leaves() -> None:
    assert read_configuration(PRODUCTION).mailer is None


def test_metrics_are_for_nobody_unless_a_token_is_set_and_of_the_worker_where_a_port_is() -> None:
    found = read_configuration(PRODUCTION)
    assert (found.metrics_token, found.metrics_port) == ("", None)
    found = read_configuration(PRODUCTION | {"METRICS_TOKEN": "k" * 16, "METRICS_PORT": "9100"})
    assert (found.metrics_token, found.metrics_port) == ("k" * 16, 9100)


def test_secrets_are_in_no_representation() -> None:
    mail = {"EMAIL_URL": "smtps://post:hidden@mail.example", "EMAIL_FROM": "shop@shop.example"}
    shown = repr(read_configuration(PRODUCTION | mail | {"METRICS_TOKEN": "scrape-scrape-scrape"}))
    assert not any(secret in shown for secret in ("scrape", "sk_live_1", "whsec_new", "k" * 50, "shop@db", "hidden"))


class TestASecretInAFile:
    def test_is_read_without_the_new_line_at_its_end(self, tmp_path: Path) -> None:
        files = {
            f"{name}_FILE": str(write(tmp_path / name, f"{PRODUCTION[name]}\n".encode()))
            for name in ("DATABASE_URL", "DJANGO_SECRET_KEY", "AUDIT_SIGNING_KEY", "STRIPE_DEFAULT_WEBHOOK_SECRETS")
        }
        rest = {name: value for name, value in PRODUCTION.items() if f"{name}_FILE" not in files}
        assert read_configuration(rest | files) == read_configuration(PRODUCTION)

    @pytest.mark.parametrize(
        ("content", "problem"),
        [
            (None, "can't be read: No such file or directory"),
            (b" \n", "is empty"),
            (b"\xff\xfe", "is not UTF-8"),
        ],
    )
    def test_that_can_not_be_had_stops_the_start_up(self, tmp_path: Path, content: bytes | None, problem: str) -> None:
        file = tmp_path / "secret"
        if content is not None:
            write(file, content)
        with pytest.raises(ConfigurationError) as refused:
            read_configuration(PRODUCTION | {"DJANGO_SECRET_KEY": "", "DJANGO_SECRET_KEY_FILE": str(file)})
        assert str(refused.value) == f"DJANGO_SECRET_KEY_FILE names {str(file)!r}, which {problem}"

    def test_is_refused_where_the_setting_is_there_too(self, tmp_path: Path) -> None:
        file = write(tmp_path / "secret", b"k" * 60)
        with pytest.raises(ConfigurationError, match="DJANGO_SECRET_KEY is set, and so is DJANGO_SECRET_KEY_FILE"):
            read_configuration(PRODUCTION | {"DJANGO_SECRET_KEY_FILE": str(file)})

    def test_has_no_default_of_the_demo_beside_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("DJANGO_SECRET_KEY_FILE", "/run/secrets/django_secret_key")
        monkeypatch.delenv("DJANGO_SECRET_KEY", raising=False)
        assert "DJANGO_SECRET_KEY" not in demo_settings()


def write(file: Path, content: bytes) -> Path:
    file.write_bytes(content)
    return file


@pytest.mark.parametrize(
    ("setting", "changes"),
    [
        ("EMAIL_URL", {"EMAIL_URL": "mail.example"}),
        ("EMAIL_URL", {"EMAIL_URL": "smtp://"}),
        ("EMAIL_URL", {"EMAIL_URL": "smtp+tls://user:hidden@host:nope"}),
        ("EMAIL_URL", {"EMAIL_URL": "smtp+tls://user:hidden@host:0"}),
        ("EMAIL_URL", {"EMAIL_URL": "smtp+tls://user@host"}),
        ("EMAIL_URL", {"EMAIL_URL": "smtp+tls://user:hidden@host/path"}),
        ("EMAIL_URL", {"EMAIL_URL": "smtp+tls://user:hidden@host?timeout=1"}),
        ("EMAIL_URL", {"EMAIL_URL": "smtps://[::1"}),
        ("EMAIL_URL", {"EMAIL_URL": "https://user:hidden@host"}),
        ("EMAIL_URL", {"EMAIL_URL": "file://folder"}),
        ("EMAIL_URL", {"EMAIL_URL": "file:///"}),
        ("EMAIL_URL", {"EMAIL_URL": "console:///"}),
        ("EMAIL_URL", {"EMAIL_URL": "smtp://user:hidden@host", "EMAIL_FROM": "shop@shop.example"}),
        ("EMAIL_FROM", {"EMAIL_URL": "smtp://host"}),
        ("EMAIL_FROM", {"EMAIL_FROM": "Shop"}),
        ("EMAIL_FROM", {"EMAIL_FROM": "Shop <shop@nowhere>"}),
        ("EMAIL_FROM", {"EMAIL_FROM": "one@shop.example, two@shop.example"}),
        ("EMAIL_FROM", {"EMAIL_FROM": "Shop <shop@shop.example>\nBcc: all@shop.example"}),
        ("METRICS_TOKEN", {"METRICS_TOKEN": "hidden"}),
        ("METRICS_TOKEN", {"METRICS_TOKEN": "hidden hidden hidden"}),
        ("METRICS_PORT", {"METRICS_PORT": "9100"}),
        ("METRICS_PORT", {"METRICS_PORT": "65536", "METRICS_TOKEN": "k" * 16}),
        ("SHOP_NAME", {"SHOP_NAME": "Shop\nBcc: all@shop.example"}),
        ("DATABASE_URL", {"DATABASE_URL": ""}),
        ("DATABASE_URL", {"DATABASE_URL": "sqlite:///x"}),
        ("DATABASE_URL", {"DATABASE_URL": "postgresql://u:p@host:nope/db"}),
        ("DATABASE_URL", {"DATABASE_URL": "postgresql://[::1/db"}),
        ("DATABASE_URL", {"DATABASE_URL": "postgresql://u:p@host"}),
        ("APPLICATION_DATABASE_URL", {"APPLICATION_DATABASE_URL": "postgresql://application@host"}),
        ("DJANGO_SECRET_KEY", {"DJANGO_SECRET_KEY": "short"}),
        ("REFUND_LIMIT", {"REFUND_LIMIT": "500.00"}),
        ("REFUND_LIMIT", {"REFUND_LIMIT": "usd=500,dollars=5"}),
        ("REFUND_LIMIT", {"REFUND_LIMIT": "usd"}),
        ("DJANGO_DEBUG", {"DJANGO_DEBUG": "yes"}),
        ("DJANGO_ALLOWED_HOSTS", {"DJANGO_ALLOWED_HOSTS": ""}),
        ("PUBLIC_URL", {"PUBLIC_URL": "shop.example"}),
        ("PUBLIC_URL", {"PUBLIC_URL": "http://shop.example"}),
        ("PUBLIC_URL", {"PUBLIC_URL": "https://[::1"}),
        ("PUBLIC_URL", {"PUBLIC_URL": "https://:80"}),
        ("PUBLIC_URL", {"PUBLIC_URL": "https://shop.example/path?x=1"}),
        ("ORDER_STALE_HOURS", {"ORDER_STALE_HOURS": "0"}),
        ("ORDER_STALE_HOURS", {"ORDER_STALE_HOURS": "two"}),
        ("STRIPE_API_BASE", {"STRIPE_API_BASE": "http://localhost:8001"}),
        ("DJANGO_SUPERUSER_PASSWORD", {"DJANGO_SUPERUSER_PASSWORD": "root"}),
        ("DJANGO_ALLOWED_HOSTS", {"DJANGO_ALLOWED_HOSTS": ","}),
        ("STRIPE_ACCOUNTS", {"STRIPE_ACCOUNTS": "Default"}),
        ("STRIPE_ACCOUNTS", {"STRIPE_ACCOUNTS": ","}),
        ("STRIPE_ACCOUNTS", {"STRIPE_ACCOUNTS": "a" * 65}),
        ("STRIPE_ACCOUNTS", {"STRIPE_ACCOUNTS": "default,default"}),
        ("STRIPE_DEFAULT_SECRET_KEY", {"STRIPE_DEFAULT_SECRET_KEY": ""}),
        ("STRIPE_DEFAULT_SECRET_KEY", {"STRIPE_DEFAULT_SECRET_KEY": "pk_live_1"}),
        ("STRIPE_DEFAULT_PUBLISHABLE_KEY", {"STRIPE_DEFAULT_PUBLISHABLE_KEY": "pk_test_1"}),
        ("STRIPE_DEFAULT_WEBHOOK_SECRETS", {"STRIPE_DEFAULT_WEBHOOK_SECRETS": ""}),
        ("STRIPE_DEFAULT_WEBHOOK_SECRETS", {"STRIPE_DEFAULT_WEBHOOK_SECRETS": ","}),
        ("STRIPE_DEFAULT_WEBHOOK_SECRETS", {"STRIPE_DEFAULT_WEBHOOK_SECRETS": "whsec_"}),
        ("STRIPE_EURO_CURRENCIES", SECOND | {"STRIPE_EURO_CURRENCIES": ""}),
        ("STRIPE_EURO_CURRENCIES", SECOND | {"STRIPE_EURO_CURRENCIES": "EUR"}),
        ("STRIPE_EURO_CURRENCIES", SECOND | {"STRIPE_EURO_CURRENCIES": "zzz"}),
        ("STRIPE_EURO_CURRENCIES", SECOND | {"STRIPE_EURO_CURRENCIES": ","}),
        ("STRIPE_EURO_CURRENCIES", SECOND | {"STRIPE_EURO_CURRENCIES": "usd"}),
        ("STRIPE_EURO_WEBHOOK_SECRETS", SECOND | {"STRIPE_EURO_WEBHOOK_SECRETS": "whsec_old"}),
        ("STRIPE_EURO_SECRET_KEY", SECOND | {"STRIPE_EURO_SECRET_KEY": "sk_live_1"}),
    ],
)
def test_a_broken_setting_is_named(setting: str, changes: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError) as refused:
        read_configuration(PRODUCTION | changes)
    assert refused.value.setting == setting
    assert str(refused.value).startswith(f"{setting} ")
    assert "hidden" not in str(refused.value)


@pytest.mark.parametrize("program", [["manage.py", "check"], ["-m", "gunicorn", "core.wsgi", "--check-config"]])
def test_start_up_fails_in_one_line(program: list[str]) -> None:
    environment = os.environ | {"STRIPE_DEFAULT_SECRET_KEY": "nonsense", "DJANGO_SETTINGS_MODULE": "core.settings"}
    ended = subprocess.run(
        [sys.executable, *program], cwd=settings.BASE_DIR, env=environment, capture_output=True, text=True, check=False
    )
    assert ended.returncode != 0
    assert ended.stdout + ended.stderr == (
        "countersign: STRIPE_DEFAULT_SECRET_KEY must look like sk_test_… or sk_live_…\n"
    )
