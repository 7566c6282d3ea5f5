"""Payouts: docs.stripe.com/api/payouts."""

from typing import ClassVar

from billing.gateway.calls import Operation
from billing.gateway.manager import ResourceManager


class Payouts(ResourceManager):
    resource: ClassVar = "payouts"
    operations: ClassVar = {
        "list": Operation(send=lambda client, _, body, options: client.v1.payouts.list(body, options)),
        "retrieve": Operation(
            send=lambda client, target, body, options: client.v1.payouts.retrieve(target, body, options)
        ),
    }
