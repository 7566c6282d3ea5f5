"""How what Stripe says of its own books folds into rows."""

from datetime import UTC, datetime
from typing import ClassVar

from core.eventlog.aggregate import Aggregate
from core.eventlog.applying import by_fact
from finance.events import (
    BalanceTransactionChanged,
    BalanceTransactionPaidOut,
    BalanceTransactionReappeared,
    BalanceTransactionRecorded,
    BalanceTransactionVanished,
    PayoutItemized,
    PayoutUpdated,
)
from finance.models import BalanceTransaction, Payout


class BalanceTransactionAggregate(Aggregate[BalanceTransaction]):
    root_model: ClassVar = BalanceTransaction

    @by_fact
    def apply(self, fact: object, recorded_at: datetime) -> None:
        raise TypeError(f"{type(fact).__name__} is no fact of a balance transaction")

    @apply.register
    def _recorded(self, fact: BalanceTransactionRecorded, recorded_at: datetime) -> None:
        line = self.root
        line.account, line.livemode = fact.account, fact.livemode
        line.type, line.category, line.source = fact.type, fact.category, fact.source
        line.amount, line.fee, line.net, line.currency = fact.amount, fact.fee, fact.net, fact.currency
        line.itemized_fee = fact.itemized_fee
        line.first_fee = fact.fee if fact.itemized_fee is None else fact.itemized_fee
        line.first_net = fact.amount - line.first_fee
        line.exchange_rate = fact.exchange_rate
        line.created_at, line.available_at = moment(fact.created), moment(fact.available_on)
        line.read_at = recorded_at

    @apply.register
    def _changed(self, fact: BalanceTransactionChanged, recorded_at: datetime) -> None:
        self.root.amount, self.root.fee, self.root.net = fact.amount, fact.fee, fact.net
        self.root.itemized_fee = fact.itemized_fee

    @apply.register
    def _vanished(self, fact: BalanceTransactionVanished, recorded_at: datetime) -> None:
        self.root.is_listed = False

    @apply.register
    def _reappeared(self, fact: BalanceTransactionReappeared, recorded_at: datetime) -> None:
        self.root.is_listed = True

    @apply.register
    def _paid_out(self, fact: BalanceTransactionPaidOut, recorded_at: datetime) -> None:
        self.root.payout = fact.payout


class PayoutAggregate(Aggregate[Payout]):
    root_model: ClassVar = Payout

    @by_fact
    def apply(self, fact: object, recorded_at: datetime) -> None:
        raise TypeError(f"{type(fact).__name__} is no fact of a payout")

    @apply.register
    def _updated(self, fact: PayoutUpdated, recorded_at: datetime) -> None:
        payout = self.root
        payout.account, payout.livemode = fact.account, fact.livemode
        payout.amount, payout.currency, payout.status = fact.amount, fact.currency, fact.status
        payout.is_automatic, payout.method = fact.is_automatic, fact.method
        payout.balance_transaction = fact.balance_transaction
        payout.reconciliation_status = fact.reconciliation_status
        payout.created_at, payout.arrives_at = moment(fact.created), moment(fact.arrival_date)

    @apply.register
    def _itemized(self, fact: PayoutItemized, recorded_at: datetime) -> None:
        self.root.item_count, self.root.item_net = fact.count, fact.net
        self.root.itemized_at = recorded_at


def moment(seconds: int) -> datetime:
    """A time of Stripe's."""
    return datetime.fromtimestamp(seconds, UTC)
