"""Balance transactions, Stripe's own books: docs.stripe.com/api/balance_transactions/list."""

from collections.abc import Iterator
from typing import ClassVar

from billing.gateway.calls import Body, Operation
from billing.gateway.manager import ResourceManager


class BalanceTransactions(ResourceManager):
    resource: ClassVar = "balance_transactions"
    operations: ClassVar = {
        "list": Operation(send=lambda client, _, body, options: client.v1.balance_transactions.list(body, options)),
        "retrieve": Operation(
            send=lambda client, target, body, options: client.v1.balance_transactions.retrieve(target, body, options)
        ),
    }

    def pages_of_payout(self, payout: str) -> Iterator[list[Body]]:
        """Pages of what an automatic payout took along, its own transaction included.

        Stripe refuses a manual one: docs.stripe.com/payouts/reconciliation.
        """
        return self.pages({"payout": payout}, subject=f"payout-{payout}")
