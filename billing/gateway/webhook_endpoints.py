"""Webhook endpoints, as they are set up at Stripe: docs.stripe.com/api/webhook_endpoints."""

from typing import ClassVar

from billing.gateway.calls import Operation
from billing.gateway.manager import ResourceManager


class WebhookEndpoints(ResourceManager):
    resource: ClassVar = "webhook_endpoints"
    operations: ClassVar = {
        "list": Operation(send=lambda client, _, body, options: client.v1.webhook_endpoints.list(body, options)),
    }
