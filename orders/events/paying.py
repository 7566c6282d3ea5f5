"""What can be paid, what came in, and who wants it back."""

from dataclasses import dataclass

from core.eventlog.facts import fact


@fact("order.checkout_opened")
@dataclass(frozen=True, kw_only=True)
class OrderCheckoutOpened:
    """An attempt can be paid: a hosted Session (with its `url`, until `expires_at` in Unix seconds), or, where
    `session_id` is '', a PaymentIntent on our own page.
    """

    attempt: int
    call_id: str
    session_id: str
    url: str
    expires_at: int | None
    payment_intent: str = ""


@fact("order.checkout_closed")
@dataclass(frozen=True, kw_only=True)
class OrderCheckoutClosed:
    """This Session or PaymentIntent can't be paid any more; `reason` is `completed`, `expired` or `canceled`."""

    attempt: int
    session_id: str
    reason: str
    payment_intent: str = ""


@fact("order.payment_updated")
@dataclass(frozen=True, kw_only=True)
class OrderPaymentUpdated:
    """What one object of Stripe says of a payment; `amount` is in minor units of `currency`, which may be a wrong one.

    `source_id` is the object that says it, of the kind `source` (`checkout.session`, `payment_intent` or `charge`);
    `status` is `processing`, `failed` or `succeeded`; `charge` and `failure_code` are '' while there is none.
    """

    payment_intent: str
    source: str
    source_id: str
    charge: str
    status: str
    amount: int
    currency: str
    account: str
    livemode: bool
    failure_code: str = ""


@fact("order.paid")
@dataclass(frozen=True, kw_only=True)
class OrderPaid:
    received: int


@fact("order.dispute_updated")
@dataclass(frozen=True, kw_only=True)
class OrderDisputeUpdated:
    """What Stripe says of one dispute, over an amount of its own; `due_by` (for evidence) in Unix seconds."""

    dispute: str
    payment_intent: str
    charge: str
    status: str
    amount: int
    currency: str
    reason: str
    due_by: int | None


@fact("order.review_updated")
@dataclass(frozen=True, kw_only=True)
class OrderReviewUpdated:
    """Stripe's Radar holds a payment for review, or is done with it."""

    review: str
    payment_intent: str
    is_open: bool
    reason: str
