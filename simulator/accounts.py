"""What a test or the command line may say of an account: `--account` and `POST /_sim/accounts`.

publishable_key      the only one that Stripe.js may use for it; until told, any that no other account has
default_currency     what `GET /v1/account` says; usd until told
country              the same; US until told
settlement_currency  what its books are in, whatever it charges; until told, each currency is kept as it is
payouts              `automatic`, daily, or `manual`, which they are until told
"""

import re
from collections.abc import Mapping
from types import MappingProxyType

from simulator.errors import StripeError, resource_missing
from simulator.state import Account, Json, Store

PUBLISHABLE_KEY = re.compile(r"pk_(test|live)_\w+")
SETTINGS: Mapping[str, re.Pattern[str]] = MappingProxyType(
    {
        "publishable_key": PUBLISHABLE_KEY,
        "default_currency": re.compile(r"[a-z]{3}"),
        "country": re.compile(r"[A-Z]{2}"),
        "settlement_currency": re.compile(r"[a-z]{3}"),
        "payouts": re.compile(r"automatic|manual"),
    }
)


class SettingError(ValueError):
    """A setting that no account has, or a value that it can't have; the message says which."""


def tell_account(account: Account, told: Mapping[str, str]) -> Json:
    """Keep what was told beside what is known; answers all of it."""
    for name, value in told.items():
        if name not in SETTINGS:
            raise SettingError(f"unknown setting {name!r}; known: {', '.join(SETTINGS)}")
        if not isinstance(value, str) or not SETTINGS[name].fullmatch(value):
            raise SettingError(f"{name} has to match {SETTINGS[name].pattern}")
    return account.note("_account", account.id, account.records("_account")[account.id] | dict(told))


def find_setting(account: Account, name: str, default: str) -> str:
    return str(account.records("_account")[account.id].get(name, default))


def find_intent(store: Store, publishable_key: str, intent_id: str, client_secret: str) -> tuple[Account, Json]:
    """The PaymentIntent, for whoever has its client secret and the publishable key of its account."""
    if not PUBLISHABLE_KEY.fullmatch(publishable_key):
        raise StripeError(401, f"Invalid API Key provided: {publishable_key[:7]}{'*' * 8}")
    found = store.find_object("payment_intent", intent_id)
    if not found or found[1]["client_secret"] != client_secret or not _may_use(store, found[0], publishable_key):
        raise resource_missing("payment_intent", intent_id, "intent")
    return found


def _may_use(store: Store, account: Account, publishable_key: str) -> bool:
    mode = "live" if account.livemode else "test"
    owners = [name for name, known in store.accounts.items() if _key_of(known) == publishable_key]
    is_own = _key_of(account) == publishable_key or not (_key_of(account) or owners)
    return is_own and publishable_key.startswith(f"pk_{mode}_")


def _key_of(account: Account) -> str | None:
    return (account.find("_account", account.id) or {}).get("publishable_key")
