"""How the facts of a call fold into its row."""

from datetime import datetime
from functools import singledispatchmethod
from typing import ClassVar

from billing.events import (
    StripeCallAttempted,
    StripeCallFailed,
    StripeCallRequested,
    StripeCallSucceeded,
    StripeCallUnknown,
)
from billing.models import CallState, StripeCall
from core.eventlog.aggregate import Aggregate


class CallAggregate(Aggregate[StripeCall]):
    root_model: ClassVar = StripeCall

    @singledispatchmethod
    def apply(self, fact: object, recorded_at: datetime) -> None:
        raise TypeError(f"{type(fact).__name__} is no fact of a call")

    @apply.register
    def _requested(self, fact: StripeCallRequested, recorded_at: datetime) -> None:
        call = self.root
        call.account, call.operation, call.target = fact.account, fact.operation, fact.target
        call.body, call.subject = fact.body, fact.subject
        call.requested_at = recorded_at

    @apply.register
    def _attempted(self, fact: StripeCallAttempted, recorded_at: datetime) -> None:
        self.root.attempts = fact.number
        self.root.tried_at = recorded_at

    @apply.register
    def _succeeded(self, fact: StripeCallSucceeded, recorded_at: datetime) -> None:
        self.root.object_id = fact.object_id
        self._settle(CallState.SUCCEEDED, "", recorded_at)

    @apply.register
    def _failed(self, fact: StripeCallFailed, recorded_at: datetime) -> None:
        self._settle(CallState.FAILED, fact.reason, recorded_at)

    @apply.register
    def _unknown(self, fact: StripeCallUnknown, recorded_at: datetime) -> None:
        self.root.state, self.root.reason, self.root.tried_at = CallState.UNKNOWN, fact.reason, recorded_at

    def _settle(self, state: CallState, reason: str, recorded_at: datetime) -> None:
        self.root.state, self.root.reason, self.root.settled_at = state, reason, recorded_at
