"""How a reconciliation's facts fold into its rows."""

from datetime import datetime
from typing import ClassVar

from core.eventlog.aggregate import Aggregate
from core.eventlog.applying import by_fact
from finance.events import ExceptionFound, ExceptionSettled, MonthMatched, PayoutMatched, ReconciliationRun
from finance.models import MatchedMonth, MatchedPayout, Reconciliation, ReconciliationException
from finance.projections.stripe import moment


class ReconciliationAggregate(Aggregate[Reconciliation]):
    root_model: ClassVar = Reconciliation
    child_models: ClassVar = {
        ReconciliationException: "reconciliation_id",
        MatchedMonth: "reconciliation_id",
        MatchedPayout: "reconciliation_id",
    }

    @by_fact
    def apply(self, fact: object, recorded_at: datetime) -> None:
        raise TypeError(f"{type(fact).__name__} is no fact of a reconciliation")

    @apply.register
    def _run(self, fact: ReconciliationRun, recorded_at: datetime) -> None:
        root = self.root
        root.livemode, root.ran_at, root.until = fact.livemode, recorded_at, moment(fact.until)
        root.matched, root.exceptions = fact.matched, fact.exceptions

    @apply.register
    def _month_matched(self, fact: MonthMatched, recorded_at: datetime) -> None:
        month = self.touch(MatchedMonth, self.key_of_month(fact))
        month.livemode, month.month = fact.livemode, fact.month
        month.currency, month.movement = fact.currency, fact.movement
        month.count, month.amount, month.fee, month.net = fact.count, fact.amount, fact.fee, fact.net

    @apply.register
    def _payout_matched(self, fact: PayoutMatched, recorded_at: datetime) -> None:
        payout = self.touch(MatchedPayout, fact.payout)
        payout.livemode, payout.currency = fact.livemode, fact.currency
        payout.before, payout.came, payout.amount, payout.after = fact.before, fact.came, fact.amount, fact.after
        payout.items = fact.items

    @apply.register
    def _found(self, fact: ExceptionFound, recorded_at: datetime) -> None:
        key = self.key_of_exception(fact)
        is_open = (
            key in self.children(ReconciliationException) and not self.touch(ReconciliationException, key).settled_at
        )
        found = self.touch(ReconciliationException, key)
        found.livemode, found.kind, found.object_id = fact.livemode, fact.kind, fact.object_id
        found.movement, found.order_id = fact.movement, fact.order_id
        found.our_amount, found.our_currency = fact.our_amount, fact.our_currency
        found.their_amount, found.their_currency = fact.their_amount, fact.their_currency
        found.month, found.payout = fact.month, fact.payout
        found.settled_at = None
        if not is_open:
            found.found_at = recorded_at

    @apply.register
    def _settled(self, fact: ExceptionSettled, recorded_at: datetime) -> None:
        self.touch(ReconciliationException, self.key_of_exception(fact)).settled_at = recorded_at

    def key_of_month(self, fact: MonthMatched) -> str:
        mode = "live" if fact.livemode else "test"
        return f"{self.root.pk}-{mode}-{fact.month}-{fact.currency}-{fact.movement}"

    def key_of_exception(self, fact: ExceptionFound | ExceptionSettled) -> str:
        return f"{self.root.pk}-{fact.kind}-{fact.object_id}"
