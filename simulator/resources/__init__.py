"""Which handler answers which operation of the contract. What is not in the table is answered 501, never made up."""

from collections.abc import Callable

from simulator.resources import (
    account,
    balance_transactions,
    charges,
    checkout_sessions,
    coupons,
    disputes,
    events,
    payment_intents,
    payouts,
    refunds,
    tax_rates,
    webhook_endpoints,
)
from simulator.state import Json
from simulator.world import Call

HANDLERS: dict[tuple[str, str], Callable[[Call], Json]] = {
    **account.HANDLERS,
    **balance_transactions.HANDLERS,
    **charges.HANDLERS,
    **checkout_sessions.HANDLERS,
    **coupons.HANDLERS,
    **disputes.HANDLERS,
    **events.HANDLERS,
    **payment_intents.HANDLERS,
    **payouts.HANDLERS,
    **refunds.HANDLERS,
    **tax_rates.HANDLERS,
    **webhook_endpoints.HANDLERS,
}
