"""Tax rates: docs.stripe.com/api/tax_rates. They can't be deleted, only archived (`active` is false)."""

from typing import ClassVar
from uuid import UUID

from billing.accounts import account_named
from billing.decisions import says
from billing.gateway.calls import Body, Operation
from billing.gateway.manager import ResourceManager
from billing.models import StripeCall, TaxRate


def find_created(call: StripeCall) -> Body | None:
    return TaxRates(account_named(call.account)).find_created(call)


def find_updated(call: StripeCall) -> Body | None:
    found = TaxRates(account_named(call.account)).find_by_id(call.target, subject=call.subject)
    return found if found and says(found, call.body) else None


def tax_rate_body(tax_rate: TaxRate, *, installation: str, call_id: UUID) -> Body:
    """A tax rate, which is active from the start; what is empty is left out."""
    return {
        **tax_rate.terms,
        **{name: label for name, label in tax_rate.labels.items() if label and name != "active"},
        "metadata": {
            "installation": installation,
            "tax": str(tax_rate.mirror_id),
            "version": str(tax_rate.version),
            "call_id": str(call_id),
        },
    }


class TaxRates(ResourceManager):
    resource: ClassVar = "tax_rates"
    operations: ClassVar = {
        "create": Operation(
            send=lambda client, _, body, options: client.v1.tax_rates.create(body, options), find=find_created
        ),
        "update": Operation(
            send=lambda client, target, body, options: client.v1.tax_rates.update(target, body, options),
            find=find_updated,
        ),
        "retrieve": Operation(
            send=lambda client, target, body, options: client.v1.tax_rates.retrieve(target, body, options)
        ),
        "list": Operation(send=lambda client, _, body, options: client.v1.tax_rates.list(body, options)),
    }
