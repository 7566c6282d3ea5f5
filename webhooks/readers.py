"""From Stripe's objects to what their order learns: pure functions, one for each kind of object.

Source: docs.stripe.com/api/<object> in the pinned API version, and docs.stripe.com/checkout/fulfillment.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from orders.decisions.money import News
from orders.events import (
    OrderCheckoutClosed,
    OrderDisputeUpdated,
    OrderPaymentUpdated,
    OrderReviewUpdated,
)
from orders.models import CheckoutState, PaymentSource, PaymentStatus
from orders.services.refunding import refund_told
from webhooks.shapes import (
    ChargeShape,
    DisputeShape,
    IntentShape,
    RefundShape,
    ReviewShape,
    SessionShape,
    unreadable_field,
)

LONGEST_ID = 255

type StripeObject = dict[str, Any]


class Origin(NamedTuple):
    """The account that signed, and the attempt whose checkout an object belongs to, if it tells.

    `is_element`: the attempt opened a PaymentIntent on our own page, which ends with itself and not with a Session.
    """

    account: str
    attempt: int = 0
    is_element: bool = False


type Reader = Callable[[Origin, StripeObject], tuple[News, ...]]


def read_completed_session(origin: Origin, session: StripeObject) -> tuple[News, ...]:
    """`payment_status` is `paid`, at once or when a delayed method came through, or `unpaid` while it settles.

    A Session of a zero total has no payment to tell of: `no_payment_required`.
    """
    closed = session_closed(origin, session, CheckoutState.COMPLETED)
    if session["payment_status"] == "no_payment_required":
        return (closed,)
    status = PaymentStatus.SUCCEEDED if session["payment_status"] == "paid" else PaymentStatus.PROCESSING
    return (closed, *session_says(origin, session, status))


def read_failed_session(origin: Origin, session: StripeObject) -> tuple[News, ...]:
    """A delayed method failed: the Session is completed, and its order can be paid anew."""
    closed = session_closed(origin, session, CheckoutState.COMPLETED)
    return (closed, *session_says(origin, session, PaymentStatus.FAILED))


def read_expired_session(origin: Origin, session: StripeObject) -> tuple[News, ...]:
    return (session_closed(origin, session, CheckoutState.EXPIRED),)


def session_closed(origin: Origin, session: StripeObject, reason: CheckoutState) -> OrderCheckoutClosed:
    return OrderCheckoutClosed(attempt=origin.attempt, session_id=session["id"], reason=reason)


def session_says(origin: Origin, session: StripeObject, status: PaymentStatus) -> tuple[News, ...]:
    if session["payment_intent"] is None:
        return ()
    payment = OrderPaymentUpdated(
        payment_intent=session["payment_intent"],
        source=PaymentSource.SESSION,
        source_id=session["id"],
        charge="",
        status=status,
        amount=session["amount_total"],
        currency=session["currency"],
        account=origin.account,
        livemode=session["livemode"],
    )
    return (payment,)


def read_succeeded_intent(origin: Origin, intent: StripeObject) -> tuple[News, ...]:
    """`amount_received` is what the succeeded charge took. It completes the attempt where no Session does."""
    payment = OrderPaymentUpdated(
        payment_intent=intent["id"],
        source=PaymentSource.INTENT,
        source_id=intent["id"],
        charge=intent["latest_charge"] or "",
        status=PaymentStatus.SUCCEEDED,
        amount=intent["amount_received"],
        currency=intent["currency"],
        account=origin.account,
        livemode=intent["livemode"],
    )
    return (*intent_closed(origin, intent, CheckoutState.COMPLETED), payment)


def read_canceled_intent(origin: Origin, intent: StripeObject) -> tuple[News, ...]:
    return intent_closed(origin, intent, CheckoutState.CANCELED)


def intent_closed(origin: Origin, intent: StripeObject, reason: CheckoutState) -> tuple[News, ...]:
    """Nothing for the PaymentIntent of a Session, which tells by itself how it ended."""
    if not origin.is_element:
        return ()
    closed = OrderCheckoutClosed(attempt=origin.attempt, session_id="", payment_intent=intent["id"], reason=reason)
    return (closed,)


CHARGE_STATUS = {
    "pending": PaymentStatus.PROCESSING,
    "failed": PaymentStatus.FAILED,
    "succeeded": PaymentStatus.SUCCEEDED,
}


def read_charge(origin: Origin, charge: StripeObject) -> tuple[News, ...]:
    status = CHARGE_STATUS[charge["status"]]
    payment = OrderPaymentUpdated(
        payment_intent=charge["payment_intent"],
        source=PaymentSource.CHARGE,
        source_id=charge["id"],
        charge=charge["id"],
        status=status,
        amount=charge["amount_captured"] if status == PaymentStatus.SUCCEEDED else charge["amount"],
        currency=charge["currency"],
        account=origin.account,
        livemode=charge["livemode"],
        failure_code=failure_code_of(charge),
    )
    return (payment,)


def failure_code_of(charge: StripeObject) -> str:
    """The bank's own word where it declined a card, which says more than `card_declined`; '' where nothing failed.

    Source: docs.stripe.com/declines, docs.stripe.com/api/charges/object#charge_object-outcome-reason.
    """
    code, outcome = charge["failure_code"] or "", charge["outcome"] or {}
    if code == "card_declined" and outcome.get("type") == "issuer_declined":
        return outcome.get("reason") or code
    return code


def read_refund(_origin: Origin, refund: StripeObject) -> tuple[News, ...]:
    return (refund_told(refund),)


def read_dispute(_origin: Origin, dispute: StripeObject) -> tuple[News, ...]:
    told = OrderDisputeUpdated(
        dispute=dispute["id"],
        payment_intent=dispute["payment_intent"],
        charge=dispute["charge"],
        status=dispute["status"],
        amount=dispute["amount"],
        currency=dispute["currency"],
        reason=dispute["reason"],
        due_by=dispute["evidence_details"]["due_by"],
    )
    return (told,)


def read_review(_origin: Origin, review: StripeObject) -> tuple[News, ...]:
    told = OrderReviewUpdated(
        review=review["id"],
        payment_intent=review["payment_intent"],
        is_open=review["open"],
        reason=review["reason"],
    )
    return (told,)


READERS: dict[str, Reader] = {
    "checkout.session.completed": read_completed_session,
    "checkout.session.async_payment_succeeded": read_completed_session,
    "checkout.session.async_payment_failed": read_failed_session,
    "checkout.session.expired": read_expired_session,
    "payment_intent.succeeded": read_succeeded_intent,
    "payment_intent.canceled": read_canceled_intent,
    "charge.pending": read_charge,
    "charge.failed": read_charge,
    "charge.succeeded": read_charge,
    "charge.updated": read_charge,
    "refund.created": read_refund,
    "refund.updated": read_refund,
    "refund.failed": read_refund,
    "charge.refund.updated": read_refund,
    "charge.dispute.created": read_dispute,
    "charge.dispute.updated": read_dispute,
    "charge.dispute.closed": read_dispute,
    "charge.dispute.funds_withdrawn": read_dispute,
    "charge.dispute.funds_reinstated": read_dispute,
    "review.opened": read_review,
    "review.closed": read_review,
}

# What each reads; the readers themselves read no other field.
SHAPES: dict[Reader, type[msgspec.Struct]] = {
    read_completed_session: SessionShape,
    read_failed_session: SessionShape,
    read_expired_session: SessionShape,
    read_succeeded_intent: IntentShape,
    read_canceled_intent: IntentShape,
    read_charge: ChargeShape,
    read_refund: RefundShape,
    read_dispute: DisputeShape,
    read_review: ReviewShape,
}


def what_is_unreadable(event_type: str, stripe_object: StripeObject) -> str:
    """The field for which no order can be told of an event's object; '' where it can."""
    reader = READERS.get(event_type)
    shape = SHAPES.get(reader) if reader else None
    return unreadable_field(shape, stripe_object) if shape else ""


# Why an event of a Session's own PaymentIntent is left alone where one of our own page's is not.
TOLD_BY_ITS_SESSION = "told_by_its_session"
# Told better by another event of the same fact: on record with the order, and otherwise left alone.
HINTS = {
    "charge.refunded": "told_by_its_refund",
    "payment_intent.created": "told_by_its_charge",
    "payment_intent.processing": "told_by_its_charge",
    "payment_intent.requires_action": "told_by_its_charge",
    "payment_intent.payment_failed": "told_by_its_charge",
}


def email_of_session(_origin: Origin, session: StripeObject) -> str:
    """What the shopper typed on Stripe's page; `customer_email` is what a Session was opened with."""
    return (session.get("customer_details") or {}).get("email") or session.get("customer_email") or ""


def email_of_charge(origin: Origin, charge: StripeObject) -> str:
    """Of our own page alone: a Session tells by itself what was typed."""
    if not origin.is_element:
        return ""
    return (charge.get("billing_details") or {}).get("email") or charge.get("receipt_email") or ""


def email_of_intent(origin: Origin, intent: StripeObject) -> str:
    return (intent.get("receipt_email") or "") if origin.is_element else ""


# Who tells where the shopper can be written to.
EMAILS: dict[str, Callable[[Origin, StripeObject], str]] = {
    "checkout.session.completed": email_of_session,
    "checkout.session.async_payment_succeeded": email_of_session,
    "checkout.session.async_payment_failed": email_of_session,
    "payment_intent.succeeded": email_of_intent,
    "charge.pending": email_of_charge,
    "charge.succeeded": email_of_charge,
}

# Of discounts and taxes, which no order needs to hear of: what they tell is checked at Stripe.
MIRRORED = frozenset({"coupon.created", "coupon.updated", "coupon.deleted", "tax_rate.created", "tax_rate.updated"})


def is_handled(event_type: str) -> bool:
    return event_type in READERS or event_type in HINTS or event_type in MIRRORED


def intent_of(stripe_object: StripeObject) -> str:
    """The PaymentIntent that an object is or belongs to, '' when none."""
    is_one = stripe_object.get("object") == "payment_intent"
    intent = stripe_object.get("id" if is_one else "payment_intent")
    return intent if isinstance(intent, str) and len(intent) <= LONGEST_ID else ""
