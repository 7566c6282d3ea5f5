"""Disputes: docs.stripe.com/api/disputes."""

from typing import ClassVar

from billing.gateway.calls import Operation
from billing.gateway.manager import ResourceManager


class Disputes(ResourceManager):
    resource: ClassVar = "disputes"
    operations: ClassVar = {
        "retrieve": Operation(
            send=lambda client, target, body, options: client.v1.disputes.retrieve(target, body, options)
        ),
    }
