"""The environment, read once and refused in one line when it is wrong."""

import re
from base64 import b64decode
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from urllib.parse import urlsplit

import dj_database_url

from core.mailer import NOBODY_WRITES_BACK, Mailer, is_mailbox, mailer_of
from core.money import is_supported

ACCOUNT_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
SECRET_KEY = re.compile(r"[sr]k_(test|live)_[A-Za-z0-9_]+")
PUBLISHABLE_KEY = re.compile(r"pk_(test|live)_[A-Za-z0-9_]+")
STRIPE_JS = re.compile(r"https?://[A-Za-z0-9.:\[\]-]+/\S*\.js")
WEBHOOK_SECRET = re.compile(r"whsec_\S+")
AUDIT_KEY_BYTES = 32  # of an Ed25519 seed, and of a public key
MINIMUM_METRICS_TOKEN = 16  # characters
HIGHEST_PORT = 65535
MINIMUM_DJANGO_KEY = 50  # characters; `check --deploy` asks for as many
ALL_OTHER_CURRENCIES = "*"
AMOUNT = r"[0-9]{1,15}"
LIMITS = "minor units like 50000, or by currency like usd=50000,*=40000"
EMAIL_URLS = "smtp+tls://user:password@host:587, smtps://user:password@host, smtp://host, file:///folder or console:"
DEMO_PASSWORD = "root"  # noqa: S105 the brief's, refused outside the demo

type Network = IPv4Network | IPv6Network


class ConfigurationError(Exception):
    """A setting is missing or malformed; the message names it and says what it should be."""

    def __init__(self, setting: str, problem: str) -> None:
        super().__init__(f"{setting} {problem}")
        self.setting = setting


@dataclass(frozen=True, kw_only=True)
class Account:
    """One Stripe account: its keys, its webhook signing secrets and the currencies it serves (lower-case ISO codes or
    `*`).
    """

    name: str
    secret_key: str = field(repr=False)
    publishable_key: str
    webhook_secrets: tuple[str, ...] = field(repr=False)
    currencies: frozenset[str]

    @property
    def livemode(self) -> bool:
        return "_live_" in self.secret_key


@dataclass(frozen=True, kw_only=True)
class AuditKey:
    """The Ed25519 seed that signs checkpoints, and the public keys of the seeds before it; 32 bytes each."""

    seed: bytes = field(repr=False)
    replaced: tuple[bytes, ...] = ()


class Environment:
    """Typed reads of environment variables; every failure is a ConfigurationError naming the variable.

    `NAME_FILE` names a file that holds the value of `NAME`, as containers are given their secrets: an environment is
    seen by whoever may look at a process or inspect its container, and handed on to each of its children.
    """

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables

    def text(self, name: str, default: str | None = None) -> str:
        value = self._variables.get(name, "").strip()
        file = self._variables.get(f"{name}_FILE", "").strip()
        if value and file:
            raise ConfigurationError(name, f"is set, and so is {name}_FILE; set one of them")
        if file:
            return read_secret(f"{name}_FILE", Path(file))
        if value:
            return value
        if default is None:
            raise ConfigurationError(name, "is not set")
        return default

    def flag(self, name: str) -> bool:
        value = self.text(name, "0")
        if value not in {"0", "1"}:
            raise ConfigurationError(name, "must be 0 or 1")
        return value == "1"

    def number(self, name: str, default: int) -> int:
        value = self.text(name, str(default))
        if not re.fullmatch(r"[0-9]{1,6}", value) or int(value) == 0:
            raise ConfigurationError(name, "must be a whole number above 0")
        return int(value)

    def limits(self, name: str) -> dict[str, int]:
        """Minor units by currency, `*` being all others: `usd=50000,*=40000`, or `50000` for all; {} for `none`."""
        text = self.text(name, "none" if self.flag("COUNTERSIGN_DEMO") else "")
        if not text:
            raise ConfigurationError(name, f"is not set; give {LIMITS}, or none for no limit")
        if text == "none":
            return {}
        if re.fullmatch(AMOUNT, text):
            return {ALL_OTHER_CURRENCIES: int(text)}
        amounts: dict[str, int] = {}
        for part in text.split(","):
            currency, _, amount = (piece.strip() for piece in part.partition("="))
            if not (currency == ALL_OTHER_CURRENCIES or is_supported(currency)) or not re.fullmatch(AMOUNT, amount):
                raise ConfigurationError(name, f"must be {LIMITS}, or none for no limit")
            amounts[currency] = int(amount)
        return amounts

    def line(self, name: str, default: str) -> str:
        value = self.text(name, default)
        if not value.isprintable():
            raise ConfigurationError(name, "must be one line of text")
        return value

    def items(self, name: str, default: str | None = None) -> tuple[str, ...]:
        """The items of a comma-separated list, at least one."""
        items = tuple(item.strip() for item in self.text(name, default).split(",") if item.strip())
        if not items:
            raise ConfigurationError(name, "is an empty list")
        return items

    def networks(self, name: str) -> tuple[Network, ...]:
        """Of a comma-separated list of addresses or networks; none where it is not set."""
        try:
            return tuple(ip_network(part.strip()) for part in self.text(name, "").split(",") if part.strip())
        except ValueError:
            raise ConfigurationError(name, "must be addresses or networks like 10.0.0.0/8,fd00::1") from None

    def url(self, name: str, default: str | None = None) -> str:
        """An http(s) address without path, query or trailing slash; '' only where that is the default."""
        value = self.text(name, default)
        if value and not is_origin(value):
            raise ConfigurationError(name, "must be an address like https://shop.example")
        return value.rstrip("/")

    def database(self, name: str, default: str | None = None) -> str:
        """A PostgreSQL URL; '' only where that is the default."""
        value = self.text(name, default)
        if not value:
            return value
        try:
            parsed = dj_database_url.parse(value)
        except ValueError:  # dj-database-url's own errors are ValueErrors, like those of a malformed port
            parsed = {}
        if parsed.get("ENGINE") != "django.db.backends.postgresql" or not parsed.get("NAME"):
            raise ConfigurationError(name, "must be a URL like postgresql://user:password@host:5432/name")
        return value

    def matching(self, name: str, pattern: re.Pattern[str], shape: str) -> str:
        value = self.text(name)
        if not pattern.fullmatch(value):
            raise ConfigurationError(name, f"must look like {shape}")
        return value


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """Everything that differs between machines; deploy/env.example says what each setting is for."""

    demo: bool
    debug: bool
    secret_key: str = field(repr=False)
    database_url: str = field(repr=False)
    application_database_url: str = field(repr=False)
    public_url: str
    allowed_hosts: tuple[str, ...]
    stripe_api_base: str
    stripe_js_url: str
    accounts: dict[str, Account]
    audit_key: AuditKey | None
    shop_name: str
    mailer: Mailer | None
    email_from: str
    order_stale_hours: int
    webhook_payload_days: int
    trusted_proxies: tuple[Network, ...]
    checkouts_per_browser: int
    checkouts_per_address: int
    refund_limit: dict[str, int]
    metrics_token: str = field(repr=False)
    metrics_port: int | None
    superuser_username: str
    superuser_password: str = field(repr=False)


def read_configuration(variables: Mapping[str, str]) -> Configuration:
    """The whole configuration; raises ConfigurationError for the first setting that is missing, malformed or unsafe."""
    environment = Environment(variables)
    mailer = read_mailer(environment)
    configuration = Configuration(
        demo=environment.flag("COUNTERSIGN_DEMO"),
        debug=environment.flag("DJANGO_DEBUG"),
        secret_key=environment.text("DJANGO_SECRET_KEY"),
        database_url=environment.database("DATABASE_URL"),
        application_database_url=environment.database("APPLICATION_DATABASE_URL", ""),
        public_url=environment.url("PUBLIC_URL"),
        allowed_hosts=environment.items("DJANGO_ALLOWED_HOSTS"),
        stripe_api_base=environment.url("STRIPE_API_BASE", ""),
        stripe_js_url=environment.text("STRIPE_JS_URL", ""),
        accounts=read_accounts(environment),
        audit_key=read_audit_key(environment),
        shop_name=environment.line("SHOP_NAME", "Countersign"),
        mailer=mailer,
        email_from=read_sender(environment, None if mailer and mailer.sends else NOBODY_WRITES_BACK),
        order_stale_hours=environment.number("ORDER_STALE_HOURS", 48),
        webhook_payload_days=environment.number("WEBHOOK_PAYLOAD_DAYS", 90),
        trusted_proxies=environment.networks("TRUSTED_PROXIES"),
        checkouts_per_browser=environment.number("CHECKOUTS_PER_BROWSER", 20),
        checkouts_per_address=environment.number("CHECKOUTS_PER_ADDRESS", 120),
        refund_limit=environment.limits("REFUND_LIMIT"),
        metrics_token=read_metrics_token(environment),
        metrics_port=read_metrics_port(environment),
        superuser_username=environment.text("DJANGO_SUPERUSER_USERNAME", "admin"),
        superuser_password=environment.text("DJANGO_SUPERUSER_PASSWORD", ""),
    )
    if len(configuration.secret_key) < MINIMUM_DJANGO_KEY:
        raise ConfigurationError("DJANGO_SECRET_KEY", f"must have at least {MINIMUM_DJANGO_KEY} random characters")
    if configuration.stripe_js_url and not STRIPE_JS.fullmatch(configuration.stripe_js_url):
        raise ConfigurationError("STRIPE_JS_URL", "must be an address like https://js.stripe.com/dahlia/stripe.js")
    if not configuration.demo:
        refuse_demo_values(configuration)
    return configuration


def refuse_demo_values(configuration: Configuration) -> None:
    """What only COUNTERSIGN_DEMO=1 allows."""
    if configuration.stripe_api_base:
        raise ConfigurationError("STRIPE_API_BASE", "sends payments to a stand-in; it needs COUNTERSIGN_DEMO=1")
    if configuration.stripe_js_url and not configuration.stripe_js_url.startswith("https://js.stripe.com/"):
        # docs.stripe.com/security/guide: Stripe.js is loaded from Stripe alone, it handles card numbers.
        raise ConfigurationError(
            "STRIPE_JS_URL", "must be on https://js.stripe.com/; elsewhere needs COUNTERSIGN_DEMO=1"
        )
    if configuration.superuser_password == DEMO_PASSWORD:
        raise ConfigurationError("DJANGO_SUPERUSER_PASSWORD", "is the demo's password; choose another")
    if not configuration.public_url.startswith("https://"):
        raise ConfigurationError("PUBLIC_URL", "must begin with https://; plain http needs COUNTERSIGN_DEMO=1")
    if configuration.mailer and configuration.mailer.shows_password:
        raise ConfigurationError("EMAIL_URL", "would send its password in clear; use smtp+tls:// or smtps://")
    if configuration.audit_key is None:
        raise ConfigurationError("AUDIT_SIGNING_KEY", "is not set; `openssl rand -base64 32` makes one")


def read_secret(setting: str, file: Path) -> str:
    """Without the white space around it: editors and `echo` end a file with a new line."""
    try:
        value = file.read_text(encoding="utf-8").strip()
    except UnicodeDecodeError:
        raise ConfigurationError(setting, f"names {str(file)!r}, which is not UTF-8") from None
    except OSError as error:
        raise ConfigurationError(setting, f"names {str(file)!r}, which can't be read: {error.strerror}") from None
    if not value:
        raise ConfigurationError(setting, f"names {str(file)!r}, which is empty")
    return value


def is_origin(url: str) -> bool:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    bare = parts.path in {"", "/"} and not parts.query and not parts.fragment and port != 0
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and bare


def read_accounts(environment: Environment) -> dict[str, Account]:
    """All Stripe accounts by name, checked against each other.

    Raises ConfigurationError when a key or secret is missing or malformed, or when two accounts claim a currency or
    share a secret: a shared webhook secret would make it impossible to say which account signed a delivery.
    """
    names = environment.items("STRIPE_ACCOUNTS", "default")
    for name in names:
        if not ACCOUNT_NAME.fullmatch(name):
            raise ConfigurationError("STRIPE_ACCOUNTS", f"holds {name!r}; names are lower-case letters, digits and _")
    if len(set(names)) != len(names):
        raise ConfigurationError("STRIPE_ACCOUNTS", "names an account twice")
    accounts = {name: read_account(environment, name, sole=len(names) == 1) for name in names}
    refuse_overlap(accounts.values(), "CURRENCIES", lambda account: account.currencies, "claims a currency that")
    refuse_overlap(accounts.values(), "WEBHOOK_SECRETS", lambda account: account.webhook_secrets, "holds a secret that")
    refuse_overlap(accounts.values(), "SECRET_KEY", lambda account: [account.secret_key], "is the key that")
    return accounts


def read_account(environment: Environment, name: str, *, sole: bool) -> Account:
    prefix = f"STRIPE_{name.upper()}"
    secret_key = environment.matching(f"{prefix}_SECRET_KEY", SECRET_KEY, "sk_test_… or sk_live_…")
    publishable_key = environment.matching(f"{prefix}_PUBLISHABLE_KEY", PUBLISHABLE_KEY, "pk_test_… or pk_live_…")
    if ("_live_" in secret_key) != ("_live_" in publishable_key):
        raise ConfigurationError(
            f"{prefix}_PUBLISHABLE_KEY", "and the secret key must both be test keys or both live keys"
        )
    secrets = environment.items(f"{prefix}_WEBHOOK_SECRETS")
    if not secrets or not all(WEBHOOK_SECRET.fullmatch(secret) for secret in secrets):
        raise ConfigurationError(f"{prefix}_WEBHOOK_SECRETS", "must be a comma-separated list of whsec_…")
    currencies = environment.items(f"{prefix}_CURRENCIES", ALL_OTHER_CURRENCIES if sole else None)
    for currency in currencies:
        if currency != ALL_OTHER_CURRENCIES and not is_supported(currency):
            raise ConfigurationError(
                f"{prefix}_CURRENCIES", f"holds {currency!r}; codes are like usd, or * for all others"
            )
    return Account(
        name=name,
        secret_key=secret_key,
        publishable_key=publishable_key,
        webhook_secrets=secrets,
        currencies=frozenset(currencies),
    )


def read_audit_key(environment: Environment) -> AuditKey | None:
    """The seed in base64, then the public keys in hexadecimal of those that it replaces; None where it is unset.

    Raises ConfigurationError when one of them is malformed.
    """
    text = environment.text("AUDIT_SIGNING_KEY", "")
    if not text:
        return None
    seed, *replaced = text.split(",")
    try:
        key = AuditKey(seed=b64decode(seed.strip(), validate=True), replaced=tuple(map(bytes.fromhex, replaced)))
    except ValueError:
        key = AuditKey(seed=b"")
    if any(len(part) != AUDIT_KEY_BYTES for part in (key.seed, *key.replaced)):
        raise ConfigurationError(
            "AUDIT_SIGNING_KEY",
            "must be what `openssl rand -base64 32` makes, then, after commas, the public keys (64 hexadecimal digits) "
            "that it replaces",
        )
    return key


def read_mailer(environment: Environment) -> Mailer | None:
    """None where EMAIL_URL is unset. The ConfigurationError shows nothing of the URL, which holds a password."""
    text = environment.text("EMAIL_URL", "")
    try:
        return mailer_of(text) if text else None
    except ValueError:
        raise ConfigurationError("EMAIL_URL", f"must be like {EMAIL_URLS}") from None


def read_sender(environment: Environment, default: str | None) -> str:
    sender = environment.text("EMAIL_FROM", default)
    if not is_mailbox(sender):
        raise ConfigurationError("EMAIL_FROM", "must be like orders@shop.example or Shop <orders@shop.example>")
    return sender


def read_metrics_token(environment: Environment) -> str:
    """'' where METRICS_TOKEN is unset. The ConfigurationError shows nothing of it."""
    token = environment.text("METRICS_TOKEN", "")
    if token and (len(token) < MINIMUM_METRICS_TOKEN or not token.isascii() or " " in token):
        raise ConfigurationError(
            "METRICS_TOKEN", f"must have at least {MINIMUM_METRICS_TOKEN} random letters and digits"
        )
    return token


def read_metrics_port(environment: Environment) -> int | None:
    if not environment.text("METRICS_PORT", ""):
        return None
    port = environment.number("METRICS_PORT", 0)
    if port > HIGHEST_PORT:
        raise ConfigurationError("METRICS_PORT", f"must be at most {HIGHEST_PORT}")
    if not environment.text("METRICS_TOKEN", ""):
        raise ConfigurationError("METRICS_PORT", "serves nobody without METRICS_TOKEN")
    return port


def refuse_overlap(
    accounts: Iterable[Account], setting: str, values: Callable[[Account], Iterable[str]], claim: str
) -> None:
    owners: dict[str, Account] = {}
    for account in accounts:
        for value in values(account):
            owner = owners.setdefault(value, account)
            if owner is not account:
                raise ConfigurationError(
                    f"STRIPE_{account.name.upper()}_{setting}", f"{claim} account {owner.name} has too"
                )
