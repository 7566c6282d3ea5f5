"""Which Stripe account is meant."""

from http import HTTPStatus

from django.conf import settings

from core.configuration import ALL_OTHER_CURRENCIES, Account
from core.refusals import NotFound, Refusal


class CurrencyNotServed(Refusal):
    """No configured account takes this currency: STRIPE_<NAME>_CURRENCIES says which do."""

    code = "currency_not_served"
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    message = "We can't take payments in {currency} at the moment."


class AccountNotConfigured(Refusal):
    """An order belongs to an account that is no longer in STRIPE_ACCOUNTS."""

    code = "account_not_configured"
    status = HTTPStatus.CONFLICT
    message = "Payments of this order are handled by an account that is no longer in use. Please contact us."


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


def account_named(name: str) -> Account:
    """The account of an order or call; raises AccountNotConfigured."""
    try:
        return configured_accounts()[name]
    except KeyError:
        raise AccountNotConfigured(account=name) from None


def account_of_endpoint(name: str) -> Account:
    """The account of a webhook address; raises NotFound."""
    try:
        return configured_accounts()[name]
    except KeyError:
        raise NotFound from None
