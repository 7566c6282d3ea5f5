"""Refunds: docs.stripe.com/api/refunds."""

from typing import ClassVar

from billing.accounts import account_named
from billing.gateway.calls import Body, Operation
from billing.gateway.manager import ResourceManager
from billing.models import StripeCall


def find_created(call: StripeCall) -> Body | None:
    """The refund that this call made, if it did."""
    query = {"payment_intent": call.body["payment_intent"]}
    return Refunds(account_named(call.account)).find_by_call(call, query)


class Refunds(ResourceManager):
    resource: ClassVar = "refunds"
    operations: ClassVar = {
        "create": Operation(
            send=lambda client, _, body, options: client.v1.refunds.create(body, options), find=find_created
        ),
        "retrieve": Operation(
            send=lambda client, target, body, options: client.v1.refunds.retrieve(target, body, options)
        ),
        "list": Operation(send=lambda client, _, body, options: client.v1.refunds.list(body, options)),
    }
