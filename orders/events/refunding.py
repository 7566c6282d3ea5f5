"""What is given back."""

from dataclasses import dataclass

from core.eventlog.facts import fact


@fact("order.refunded")
@dataclass(frozen=True, kw_only=True)
class OrderRefunded:
    """How far a paid order is refunded: `state` is `partially_refunded`, `refunded`, or `paid` when a refund failed."""

    state: str
    refunded: int
    net: int


@dataclass(frozen=True, kw_only=True)
class RefundedLine:
    """What of one line is given back; a `quantity` of 0 is a part of its amount that is no whole unit."""

    item: int
    quantity: int
    amount: int


@dataclass(frozen=True, kw_only=True)
class RefundPart:
    """What is given back of one payment, in minor units of its currency."""

    payment_intent: str
    amount: int


@fact("order.refund_requested")
@dataclass(frozen=True, kw_only=True)
class OrderRefundRequested:
    """Somebody of ours asked Stripe to give `amount` back; the call's outcome tells what came of it.

    `lines` add up to `amount`, or are none where it is of no line. `approval` is the id of the approval by which it is
    made, '' where a person makes it on their own.
    """

    call_id: str
    payment_intent: str
    amount: int
    reason: str
    lines: tuple[RefundedLine, ...] = ()
    approval: str = ""


@fact("order.refund_approval_requested")
@dataclass(frozen=True, kw_only=True)
class OrderRefundApprovalRequested:
    """A refund above what `asked_by` may give back alone: it waits for a second person. Nothing is kept back for it.

    `amount` is the sum of the parts, in minor units of `currency`.
    """

    approval: str
    parts: tuple[RefundPart, ...]
    lines: tuple[RefundedLine, ...]
    reason: str
    amount: int
    currency: str
    asked_by: str


@fact("order.refund_approved")
@dataclass(frozen=True, kw_only=True)
class OrderRefundApproved:
    """A second person agreed: the refund is asked of Stripe in the same transaction."""

    approval: str
    amount: int
    currency: str
    decided_by: str


@fact("order.refund_declined")
@dataclass(frozen=True, kw_only=True)
class OrderRefundDeclined:
    approval: str
    amount: int
    currency: str
    decided_by: str


@fact("order.refund_updated")
@dataclass(frozen=True, kw_only=True)
class OrderRefundUpdated:
    """What Stripe says of one refund, whoever asked for it; `status` is Stripe's.

    `call_id` is that of the request of ours that it names in its metadata, '' where it names none.
    """

    refund: str
    payment_intent: str
    charge: str
    status: str
    amount: int
    currency: str
    failure_reason: str
    call_id: str = ""
