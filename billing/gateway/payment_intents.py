"""PaymentIntents: docs.stripe.com/api/payment_intents."""

from typing import ClassVar

from billing.accounts import account_named
from billing.gateway.calls import Body, Operation
from billing.gateway.manager import ResourceManager
from billing.models import StripeCall


def find_created(call: StripeCall) -> Body | None:
    """The PaymentIntent that this call created, if it did; Stripe's search by metadata may be an hour late."""
    return PaymentIntents(account_named(call.account)).find_created(call)


def find_canceled(call: StripeCall) -> Body | None:
    """The PaymentIntent, if it is canceled: whoever canceled it."""
    intents = PaymentIntents(account_named(call.account))
    intent = intents.read("retrieve", target=call.target, subject=call.subject)
    return intent if intent["status"] == "canceled" else None


def intent_body(amount: int, currency: str, metadata: dict[str, str]) -> Body:
    """The parameters of a payment of so many minor units by whatever method the account offers."""
    return {
        "amount": amount,
        "currency": currency,
        "automatic_payment_methods": {"enabled": True},
        "metadata": metadata,
    }


class PaymentIntents(ResourceManager):
    resource: ClassVar = "payment_intents"
    operations: ClassVar = {
        "create": Operation(
            send=lambda client, _, body, options: client.v1.payment_intents.create(body, options), find=find_created
        ),
        "cancel": Operation(
            send=lambda client, target, body, options: client.v1.payment_intents.cancel(target, body, options),
            find=find_canceled,
        ),
        "retrieve": Operation(
            send=lambda client, target, body, options: client.v1.payment_intents.retrieve(target, body, options)
        ),
        "list": Operation(send=lambda client, _, body, options: client.v1.payment_intents.list(body, options)),
    }
