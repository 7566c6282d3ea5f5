"""The facts of an order: stream `order-<id>`. Amounts are integer minor units of the order's currency.

An item's name is in the facts because it is what was sold; nothing in them names or describes a person.
"""

from orders.events.attending import (
    OrderAttentionCleared,
    OrderAttentionRaised,
    OrderCanceled,
    OrderCommandRefused,
    OrderContactForgotten,
    OrderEventIgnored,
    OrderLinksRevoked,
    OrderMailSent,
    OrderNoteAdded,
    OrderNoteErased,
)
from orders.events.basket import (
    OrderDiscountSet,
    OrderDrafted,
    OrderLineSet,
    OrderPlaced,
    OrderQuoteAdopted,
    OrderQuoteMismatched,
    OrderTaxSet,
)
from orders.events.paying import (
    OrderCheckoutClosed,
    OrderCheckoutOpened,
    OrderDisputeUpdated,
    OrderPaid,
    OrderPaymentUpdated,
    OrderReviewUpdated,
)
from orders.events.refunding import (
    OrderRefundApprovalRequested,
    OrderRefundApproved,
    OrderRefundDeclined,
    OrderRefunded,
    OrderRefundRequested,
    OrderRefundUpdated,
    RefundedLine,
    RefundPart,
)

__all__ = [
    "OrderAttentionCleared",
    "OrderAttentionRaised",
    "OrderCanceled",
    "OrderCheckoutClosed",
    "OrderCheckoutOpened",
    "OrderCommandRefused",
    "OrderContactForgotten",
    "OrderDiscountSet",
    "OrderDisputeUpdated",
    "OrderDrafted",
    "OrderEventIgnored",
    "OrderLineSet",
    "OrderLinksRevoked",
    "OrderMailSent",
    "OrderNoteAdded",
    "OrderNoteErased",
    "OrderPaid",
    "OrderPaymentUpdated",
    "OrderPlaced",
    "OrderQuoteAdopted",
    "OrderQuoteMismatched",
    "OrderRefundApprovalRequested",
    "OrderRefundApproved",
    "OrderRefundDeclined",
    "OrderRefundRequested",
    "OrderRefundUpdated",
    "OrderRefunded",
    "OrderReviewUpdated",
    "OrderTaxSet",
    "RefundPart",
    "RefundedLine",
]
