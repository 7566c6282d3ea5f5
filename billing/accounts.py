"""Which Stripe account is meant."""

from http import HTTPStatus
from typing import ClassVar

from django.conf import settings
from django.utils.translation import gettext_noop as _

from core.configuration import ALL_OTHER_CURRENCIES, Account
from core.refusals import NotFound, Refusal


class CurrencyNotServed(Refusal):
    """No configured account takes this currency: STRIPE_<NAME>_CURRENCIES says which do."""

    code = "currency_not_served"
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    message = _("We can't take payments in {currency} at the moment.")


class AccountNotConfigured(Refusal):
    """An order belongs to an account that is no longer in STRIPE_ACCOUNTS; `event` is what the log calls that."""

    event: ClassVar = "account.missing"
    code = "account_not_configured"
    status = HTTPStatus.CONFLICT
    message = _("Payments of this order are handled by an account that is no longer in use. Please contact us.")


class AccountInOtherMode(AccountNotConfigured):
    """An order belongs to an account whose keys were changed from test to live, or back."""

    event: ClassVar = "account.mode_changed"


def configured_accounts() -> dict[str, Account]:
    accounts: dict[str, Account] = settings.STRIPE_ACCOUNTS
    return accounts


def account_of_currency(currency: str) -> Account:
    """The account that serves a lower-case currency: by name before `*`. Raises CurrencyNotServed."""
    accounts = configured_accounts().values()
    for claimed in (currency, ALL_OTHER_CURRENCIES):
        for account in accounts:
            if claimed in account.currencies:
                return account
    raise CurrencyNotServed(currency=currency.upper())


def account_named(name: str, *, livemode: bool | None = None) -> Account:
    """The account of an order or call, whose keys must be of that mode if one is given.

    Raises AccountNotConfigured, or AccountInOtherMode: what was begun in one mode is unknown to Stripe in the other.
    """
    account = configured_accounts().get(name)
    if account is None:
        raise AccountNotConfigured(account=name)
    if livemode is not None and account.livemode != livemode:
        raise AccountInOtherMode(account=name)
    return account


def why_unserved(name: str, *, livemode: bool | None) -> str:
    """What the log calls it where this account can't be asked in this mode; '' where it can."""
    try:
        account_named(name, livemode=livemode)
    except AccountNotConfigured as gone:
        return gone.event
    return ""


def account_of_endpoint(name: str) -> Account:
    """The account of a webhook address; raises NotFound."""
    try:
        return configured_accounts()[name]
    except KeyError:
        raise NotFound from None
