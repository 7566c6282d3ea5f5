"""PaymentIntents: docs.stripe.com/api/payment_intents."""

from typing import ClassVar

from billing.gateway.calls import Operation
from billing.gateway.manager import ResourceManager


class PaymentIntents(ResourceManager):
    resource: ClassVar = "payment_intents"
    operations: ClassVar = {
        "retrieve": Operation(
            send=lambda client, target, body, options: client.v1.payment_intents.retrieve(target, body, options)
        ),
    }
