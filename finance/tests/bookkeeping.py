"""What happens to an account's money, and what a reconciliation makes of it, in one line each."""

from typing import Any

from django.test import Client

from billing.accounts import account_named
from core.eventlog.replay import check_rows
from finance.models import ReconciliationException
from finance.selectors.reconciliation import open_exceptions
from finance.services.reconciling import reconcile_account
from orders.models import Item, Order
from orders.tests.shopping import buy
from tests.simulated import SimulatedStripe, post_event

DAY = 24 * 60 * 60


class Till:
    """A shop whose shoppers pay, and whose webhooks come when they are delivered."""

    def __init__(self, client: Client, item: Item, stripe_side: SimulatedStripe) -> None:
        self.client, self.item, self.stripe = client, item, stripe_side
        self._delivered: set[str] = set()

    def sell(self, **form: str) -> str:
        """Buy, pay and hear of it; the charge's id."""
        self.stripe.pay(buy(self.client, self.item)["url"], **form)
        self.deliver()
        return str(self.stripe.objects("charge")[-1]["id"])

    def deliver(self) -> None:
        for event in self.stripe.objects("event"):
            if event["id"] not in self._delivered:
                self._delivered.add(event["id"])
                assert post_event(self.client, event).status_code == 200

    def pass_days(self, days: int = 2) -> None:
        """At Stripe; something is sold then, so that its books are known to be that far."""
        self.stripe.advance(days * DAY)
        self.deliver()
        self.sell()

    def line_of(self, source: str) -> Any:
        return next(line for line in self.stripe.objects("balance_transaction") if line["source"] == source)


def reconcile() -> list[ReconciliationException]:
    """The exceptions that are open then; all rows are the fold of their events."""
    reconcile_account(account_named("default"))
    assert list(check_rows()) == []
    return list(open_exceptions().order_by("kind", "object_id"))


def kinds() -> list[tuple[str, str]]:
    return [(found.kind, found.object_id) for found in reconcile()]


def order_of(charge: str) -> int:
    return Order.objects.get(payments__source_id=charge).pk
