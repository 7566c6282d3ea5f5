"""What an order has moved, from its folded rows: by sums, so that the order of arrival can't matter."""

from collections import Counter

from finance.books.entries import Balance, Flow, Flows
from finance.models import Movement
from orders import sums
from orders.models import SETTLED_STATES, Dispute, Payment, Refund
from orders.projections import OrderAggregate

# While a dispute has one of these, Stripe holds its amount; an inquiry takes nothing.
# Source: docs.stripe.com/disputes/how-disputes-work, docs.stripe.com/api/disputes/object#dispute_object-status.
WITHDRAWN = frozenset({"needs_response", "under_review", "lost"})


def order_flows(order: OrderAggregate) -> Flows:
    """A sale is one once the order was paid. What is given back lessens the sale as far as what is left in net no
    longer covers it; the rest is surplus, or money that could not be counted.
    """
    root = order.root
    own = own_balance(order)
    sale = root.total if root.state in SETTLED_STATES else 0
    flows: Flows = Counter({Flow(Movement.SALE, own): sale})
    best = {intent: sums.best_word(words) for intent, words in sums.succeeded_words(order.payments).items()}
    received: Counter[Balance] = Counter()
    returned: Counter[Balance] = Counter()
    for word in best.values():
        received[Balance(word.account, word.livemode, word.currency)] += word.amount
    for refund in order.refunds:
        if refund.status == "succeeded":
            returned[balance_of(refund, best, own)] += refund.amount
    for dispute in order.disputes:
        if dispute.status in WITHDRAWN:
            flows[Flow(Movement.DISPUTE, balance_of(dispute, best, own))] += dispute.amount
    for balance, amount in received.items():
        flows[Flow(Movement.PAYMENT, balance)] = amount
    for balance, amount in returned.items():
        surplus = max(0, received[balance] - (sale if balance == own else 0))
        flows[Flow(Movement.REFUND, balance)] = max(0, amount - surplus)
        flows[Flow(Movement.SURPLUS_RETURNED, balance)] = min(amount, surplus)
    return flows


def own_balance(order: OrderAggregate) -> Balance:
    return Balance(order.root.account, order.root.livemode, order.root.currency)


def balance_of(part: Refund | Dispute, best: dict[str, Payment], own: Balance) -> Balance:
    """Where its payment's money lies; where that is not known yet, where the order's should."""
    word = best.get(part.payment_intent)
    return Balance(word.account, word.livemode, part.currency) if word else own._replace(currency=part.currency)
