"""Events, as Stripe remembers them for 30 days: docs.stripe.com/api/events/list."""

from collections.abc import Iterator
from datetime import datetime
from typing import ClassVar

from billing.gateway.calls import Body, Operation
from billing.gateway.manager import ResourceManager


class Events(ResourceManager):
    resource: ClassVar = "events"
    operations: ClassVar = {
        "list": Operation(send=lambda client, _, body, options: client.v1.events.list(body, options)),
    }

    def pages_since(self, since: datetime) -> Iterator[list[Body]]:
        """Pages of events created at that time or later, newest first."""
        return self.pages({"created": {"gte": int(since.timestamp())}})
