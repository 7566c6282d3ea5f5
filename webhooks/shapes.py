"""What an order learns from Stripe's objects, as docs.stripe.com/api/<object> describes it in the pinned API version.

A signature tells who sent an object, not that it is what we expect; and the log keeps what it was told for good.
"""

from typing import Annotated, Any, Literal

import msgspec

from webhooks.events import Identifier, Seconds

type Code = Annotated[str, msgspec.Meta(max_length=100)]
type Status = Annotated[str, msgspec.Meta(max_length=32)]
type Currency = Annotated[str, msgspec.Meta(pattern="^[a-z]{3}$")]
# In minor units. Stripe's largest have twelve digits (docs.stripe.com/currencies#minimum-and-maximum-charge-amounts);
# thousands of these still add up to a bigint.
type Amount = Annotated[int, msgspec.Meta(ge=0, lt=10**15)]


class Person(msgspec.Struct, frozen=True):
    email: str | None = None


class SessionShape(msgspec.Struct, frozen=True):
    id: Identifier
    payment_status: Status
    payment_intent: Identifier | None
    amount_total: Amount
    currency: Currency
    livemode: bool
    customer_details: Person | None = None
    customer_email: str | None = None


class IntentShape(msgspec.Struct, frozen=True):
    id: Identifier
    latest_charge: Identifier | None
    amount_received: Amount
    currency: Currency
    livemode: bool
    receipt_email: str | None = None


class ChargeOutcome(msgspec.Struct, frozen=True):
    type: str | None = None
    reason: Code | None = None


class ChargeShape(msgspec.Struct, frozen=True):
    id: Identifier
    payment_intent: Identifier
    status: Literal["pending", "failed", "succeeded"]
    amount: Amount
    amount_captured: Amount
    currency: Currency
    livemode: bool
    failure_code: Code | None
    outcome: ChargeOutcome | None
    billing_details: Person | None = None
    receipt_email: str | None = None


class RefundShape(msgspec.Struct, frozen=True):
    id: Identifier
    payment_intent: Identifier
    charge: Identifier | None
    status: Status | None
    amount: Amount
    currency: Currency
    failure_reason: Code | None = None


class Evidence(msgspec.Struct, frozen=True):
    due_by: Seconds | None


class DisputeShape(msgspec.Struct, frozen=True):
    id: Identifier
    payment_intent: Identifier
    charge: Identifier
    status: Status
    amount: Amount
    currency: Currency
    reason: Code
    evidence_details: Evidence


class ReviewShape(msgspec.Struct, frozen=True):
    id: Identifier
    payment_intent: Identifier
    open: bool
    reason: Code


def unreadable_field(shape: type[msgspec.Struct], stripe_object: dict[str, Any]) -> str:
    """The first field that is missing or of another kind, as `$.amount`; '' where all can be read.

    What it holds is not told: it may be anything.
    """
    try:
        msgspec.convert(stripe_object, shape)
    except msgspec.ValidationError as error:
        problem, _, path = str(error).partition(" - at `")
        missing = problem.rpartition("field `")[2].rstrip("`") if "missing" in problem else ""
        return ".".join(filter(None, [path.rstrip("`") or "$", missing]))
    return ""
