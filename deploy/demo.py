"""The demo's settings: what `.env` and the environment leave open is filled in, with secrets kept in `.local/`."""

import os
import secrets
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from deploy.locks import exclusive
from deploy.postgres import Home, running_server
from deploy.processes import LOCAL, ROOT, StepError

EMBEDDED = Home(LOCAL / "postgres")
HIGHEST_PORT = 65535
# In minor units: the demo's operator meets it with a few items, and its lead approves.
REFUND_LIMIT = "usd=10000,eur=10000,jpy=15000,*=10000"


def read_env(path: Path) -> dict[str, str]:
    """`NAME=value` lines; a `#` line is a comment, quotes around a value are dropped."""
    if not path.exists():
        return {}
    lines = (line.strip().removeprefix("export ") for line in path.read_text().splitlines())
    pairs = (line.partition("=") for line in lines if "=" in line and not line.startswith("#"))
    return {name.strip(): value.strip().strip("\"'") for name, _, value in pairs}


def demo_secrets() -> dict[str, str]:
    return {
        "AUDIT_SIGNING_KEY": b64encode(secrets.token_bytes(32)).decode(),
        "DJANGO_SECRET_KEY": secrets.token_urlsafe(48),
        "STRIPE_DEFAULT_SECRET_KEY": f"sk_test_{secrets.token_hex(16)}",
        "STRIPE_DEFAULT_PUBLISHABLE_KEY": f"pk_test_{secrets.token_hex(16)}",
        "STRIPE_DEFAULT_WEBHOOK_SECRETS": f"whsec_{secrets.token_hex(16)}",
        "STRIPE_EURO_SECRET_KEY": f"sk_test_{secrets.token_hex(16)}",
        "STRIPE_EURO_PUBLISHABLE_KEY": f"pk_test_{secrets.token_hex(16)}",
        "STRIPE_EURO_WEBHOOK_SECRETS": f"whsec_{secrets.token_hex(16)}",
    }


def kept_secrets() -> dict[str, str]:
    """The same in every run: sessions and the simulator's objects outlive one."""
    LOCAL.mkdir(exist_ok=True)
    path = LOCAL / "demo.env"
    with exclusive(LOCAL / "demo.lock"):
        known = read_env(path)
        kept = demo_secrets() | known
        if kept != known:
            path.touch(mode=0o600)
            path.write_text("".join(f"{name}={value}\n" for name, value in kept.items()))
    return kept


def uses_stripe(settings: Mapping[str, str]) -> bool:
    keys = ("_SECRET_KEY", "_SECRET_KEY_FILE")
    return any(name.startswith("STRIPE_") and name.endswith(keys) and settings[name] for name in settings)


def port(settings: Mapping[str, str], name: str) -> int:
    try:
        number = int(settings[name])
    except ValueError:
        number = 0
    if not 0 < number <= HIGHEST_PORT:
        raise StepError(f"{name} must be a number from 1 to {HIGHEST_PORT}, not {settings[name]!r}")
    return number


def demo_settings() -> dict[str, str]:
    """The environment of every process of the demo, DATABASE_URL excepted. Raises StepError for a malformed port."""
    given = {name: value for name, value in (read_env(ROOT / ".env") | os.environ).items() if value}
    kept = kept_secrets()
    settings = {
        "PORT": "8000",
        "SIMULATOR_PORT": "8001",
        "DJANGO_SETTINGS_MODULE": "core.settings",
        "AUDIT_SIGNING_KEY": kept.pop("AUDIT_SIGNING_KEY"),
        "DJANGO_SECRET_KEY": kept.pop("DJANGO_SECRET_KEY"),
        "DJANGO_ALLOWED_HOSTS": "127.0.0.1,localhost",
        "DJANGO_SUPERUSER_USERNAME": "admin",
        "NO_PROXY": "127.0.0.1,localhost",
        "REFUND_LIMIT": REFUND_LIMIT,
        "DJANGO_SUPERUSER_PASSWORD": "root",
    }
    settings |= given | {"COUNTERSIGN_DEMO": "1"}
    settings.setdefault("PUBLIC_URL", f"http://127.0.0.1:{port(settings, 'PORT')}")
    if uses_stripe(given):
        settings.pop("STRIPE_API_BASE", None)
        return without_those_in_files(settings, given)
    stand_in = {
        "STRIPE_API_BASE": f"http://localhost:{port(settings, 'SIMULATOR_PORT')}",
        "STRIPE_ACCOUNTS": "default,euro",
        "STRIPE_DEFAULT_CURRENCIES": "*",
        "STRIPE_EURO_CURRENCIES": "eur",
    }
    return without_those_in_files(stand_in | kept | settings, given)


def without_those_in_files(settings: Mapping[str, str], given: Mapping[str, str]) -> dict[str, str]:
    """What `NAME_FILE` is given for has no value of our own."""
    return {name: value for name, value in settings.items() if name in given or f"{name}_FILE" not in given}


@contextmanager
def demo_environment() -> Iterator[dict[str, str]]:
    """The demo's settings with a database behind them: the embedded one unless DATABASE_URL is given."""
    settings = demo_settings()
    if not {"DATABASE_URL", "DATABASE_URL_FILE"}.isdisjoint(settings):
        yield settings
        return
    with running_server(EMBEDDED.folder) as url:
        yield settings | {"DATABASE_URL": url}
