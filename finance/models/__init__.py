"""What finance works with: the ledger and its months, Stripe's own books beside it, and what came of comparing them."""

from finance.models.exports import ExportRecord, ExportState
from finance.models.ledger import (
    BookedObject,
    BookedTransaction,
    DaySummary,
    LedgerAccount,
    LedgerLine,
    Movement,
    OrderBooks,
)
from finance.models.months import Month
from finance.models.reconciliation import (
    ExceptionKind,
    MatchedMonth,
    MatchedPayout,
    Moved,
    Reconciliation,
    ReconciliationException,
)
from finance.models.stripe import BalanceTransaction, BooksCursor, Payout

__all__ = [
    "BalanceTransaction",
    "BookedObject",
    "BookedTransaction",
    "BooksCursor",
    "DaySummary",
    "ExceptionKind",
    "ExportRecord",
    "ExportState",
    "LedgerAccount",
    "LedgerLine",
    "MatchedMonth",
    "MatchedPayout",
    "Month",
    "Moved",
    "Movement",
    "OrderBooks",
    "Payout",
    "Reconciliation",
    "ReconciliationException",
]
