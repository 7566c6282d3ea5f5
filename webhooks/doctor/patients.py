"""An account under examination: what several probes ask of Stripe is asked once."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import cached_property

from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from billing.events import StripeCallFailed
from billing.gateway.accounts import Accounts
from billing.gateway.calls import Body, Reply, execute_call
from billing.gateway.errors import NOT_PERMITTED
from billing.gateway.webhook_endpoints import WebhookEndpoints
from core.configuration import Account

# How long a delivery, a retry or a sync may be under way before its absence is a failure.
PATIENCE = timedelta(minutes=10)
ENABLED = "enabled"


class Patient:
    """`since` bounds how far back its events are looked at; `ward` holds all patients, itself included."""

    def __init__(self, account: Account, *, since: datetime | None, ward: "dict[str, Patient]") -> None:
        self.account, self.since, self._ward = account, since, ward

    @property
    def others(self) -> "list[Patient]":
        return [other for other in self._ward.values() if other is not self]

    def setting(self, suffix: str) -> str:
        """`STRIPE_DEFAULT_SECRET_KEY`."""
        return f"STRIPE_{self.account.name.upper()}_{suffix}"

    @cached_property
    def greeting(self) -> tuple[Reply, datetime]:
        """Stripe's answer to whose key this is, and our time when it came."""
        return execute_call(Accounts(self.account).intend("retrieve")), timezone.now()

    @property
    def whose(self) -> Body | None:
        """Stripe's account, or None where it doesn't tell."""
        return self.greeting[0].stripe_object

    @property
    def refusal(self) -> str:
        """Why Stripe doesn't tell, as a code; '' when it does."""
        outcome = self.greeting[0].outcome
        return outcome.reason if isinstance(outcome, StripeCallFailed) else ""

    @property
    def is_unheard(self) -> bool:
        """Whether Stripe does not listen to this key at all."""
        return self.whose is None and self.refusal != NOT_PERMITTED

    @property
    def settles_in(self) -> str | None:
        return self.whose.get("default_currency") if self.whose else None

    @property
    def clock_skew(self) -> timedelta | None:
        """How far our clock is ahead of Stripe's, to the second; None where its answer bears no date."""
        reply, at = self.greeting
        header = reply.attempts[-1].date if reply.attempts else ""
        try:
            return at - parsedate_to_datetime(header)
        except (ValueError, TypeError):  # the latter where the date has no zone
            return None

    @cached_property
    def endpoints(self) -> list[Body]:
        """All webhook endpoints. Raises StripeRefused, StripeUnreachable."""
        return list(WebhookEndpoints(self.account).listed({}))

    @property
    def address(self) -> str:
        return f"{settings.PUBLIC_URL}{reverse('webhook-of-account', args=[self.account.name])}"

    @property
    def own_endpoints(self) -> list[Body]:
        """Those that post to us. Stripe's own guide to new API versions has them differ in the query, which we ignore:
        docs.stripe.com/webhooks/versioning.
        """
        ours = {self.address, f"{settings.PUBLIC_URL}{reverse('webhook')}"}
        return [endpoint for endpoint in self.endpoints if endpoint["url"].partition("?")[0] in ours]

    @property
    def enabled_endpoints(self) -> list[Body]:
        return [endpoint for endpoint in self.own_endpoints if endpoint["status"] == ENABLED]


def patients_of(accounts: Iterable[Account], *, since: datetime | None) -> list[Patient]:
    ward: dict[str, Patient] = {}
    for account in accounts:
        ward[account.name] = Patient(account, since=since, ward=ward)
    return list(ward.values())
