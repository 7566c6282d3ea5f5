"""The account that a key belongs to: docs.stripe.com/api/accounts/retrieve."""

from typing import ClassVar

from billing.gateway.calls import Operation
from billing.gateway.manager import ResourceManager


class Accounts(ResourceManager):
    resource: ClassVar = "accounts"
    operations: ClassVar = {
        "retrieve": Operation(send=lambda client, _, body, options: client.v1.accounts.retrieve_current(body, options)),
    }
