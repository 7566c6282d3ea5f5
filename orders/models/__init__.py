"""The catalogue, and the rows that orders fold into. Only Item is edited; the rest changes by events alone."""

from orders.models.contact import FORGOTTEN, Contact
from orders.models.mail import Mail, MailKind, MailState
from orders.models.order import (
    SETTLED_STATES,
    Attention,
    Checkout,
    CheckoutState,
    DisputeState,
    Item,
    Order,
    OrderLine,
    OrderState,
    StateCount,
    terms_of,
)
from orders.models.payment import (
    AWAITING_EVIDENCE,
    Dispute,
    Payment,
    PaymentSource,
    PaymentStatus,
    Refund,
    Review,
)
from orders.models.staff import ApprovalState, RefundApproval, RefundRequest, StaffNote

__all__ = [
    "AWAITING_EVIDENCE",
    "FORGOTTEN",
    "SETTLED_STATES",
    "ApprovalState",
    "Attention",
    "Checkout",
    "CheckoutState",
    "Contact",
    "Dispute",
    "DisputeState",
    "Item",
    "Mail",
    "MailKind",
    "MailState",
    "Order",
    "OrderLine",
    "OrderState",
    "Payment",
    "PaymentSource",
    "PaymentStatus",
    "Refund",
    "RefundApproval",
    "RefundRequest",
    "Review",
    "StaffNote",
    "StateCount",
    "terms_of",
]
