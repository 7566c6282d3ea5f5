"""Double entry: which account each movement debits and credits, and the flows that ledger lines are differences of."""

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from finance.models import LedgerAccount, Movement

# What a movement of a positive amount debits and credits; of a negative one it is the other way round.
ENTRIES: dict[str, tuple[LedgerAccount, LedgerAccount]] = {
    Movement.SALE: (LedgerAccount.RECEIVABLE, LedgerAccount.SALES),
    Movement.PAYMENT: (LedgerAccount.CASH, LedgerAccount.RECEIVABLE),
    Movement.REFUND: (LedgerAccount.REFUNDS, LedgerAccount.CASH),
    Movement.SURPLUS_RETURNED: (LedgerAccount.RECEIVABLE, LedgerAccount.CASH),
    Movement.DISPUTE: (LedgerAccount.DISPUTES, LedgerAccount.CASH),
    Movement.FEE: (LedgerAccount.FEES, LedgerAccount.CASH),
    Movement.EXCHANGE: (LedgerAccount.CASH, LedgerAccount.EXCHANGE),
    Movement.PAYOUT: (LedgerAccount.BANK, LedgerAccount.CASH),
    Movement.UNMATCHED: (LedgerAccount.CASH, LedgerAccount.UNMATCHED),
}


class Balance(NamedTuple):
    """One of Stripe's balances: the money of an account, mode and currency."""

    account: str
    livemode: bool
    currency: str


class Flow(NamedTuple):
    """What ledger lines add up to; `object_id` is '' in the flows of an order, whose events say what moved them."""

    movement: str
    balance: Balance
    order_id: int | None = None
    object_id: str = ""

    @property
    def place(self) -> tuple[str, Balance, int, str]:
        """In this order the lines of one event are numbered."""
        return self.movement, self.balance, self.order_id or 0, self.object_id


type Flows = Counter[Flow]  # minor units, below 0 where the movement went the other way


def differences(before: Flows, after: Flows) -> list[tuple[Flow, int]]:
    changes = ((flow, after[flow] - before[flow]) for flow in sorted({*before, *after}, key=lambda flow: flow.place))
    return [(flow, amount) for flow, amount in changes if amount]


def cash_moved(changes: Iterable[tuple[Flow, int]]) -> Counter[Balance]:
    """What the changes bring into Stripe's balances, below 0 where they take out."""
    cash: Counter[Balance] = Counter()
    for flow, amount in changes:
        debit, credit = ENTRIES[flow.movement]
        cash[flow.balance] += amount * ((debit == LedgerAccount.CASH) - (credit == LedgerAccount.CASH))
    return cash
