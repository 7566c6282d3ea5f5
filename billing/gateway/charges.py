"""Charges: docs.stripe.com/api/charges."""

from typing import ClassVar

from billing.gateway.calls import Operation
from billing.gateway.manager import ResourceManager


class Charges(ResourceManager):
    resource: ClassVar = "charges"
    operations: ClassVar = {
        "retrieve": Operation(
            send=lambda client, target, body, options: client.v1.charges.retrieve(target, body, options)
        ),
    }
