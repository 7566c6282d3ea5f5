"""Reviews: a payment that Radar or a person wants looked at. Source: docs.stripe.com/api/radar/reviews/object."""

from simulator.errors import unexpected_state
from simulator.state import Json
from simulator.world import Scope

OPENED_REASONS = ("rule", "manual")
CLOSED_REASONS = (
    "acknowledged", "approved", "canceled", "disputed", "payment_never_settled", "redacted", "refunded",
    "refunded_as_fraud",
)  # fmt: skip


def open_review(scope: Scope, charge: Json, reason: str = "rule") -> Json:
    if charge["review"]:
        raise unexpected_state(f"Charge {charge['id']} already has the review {charge['review']}.")
    review = scope.blank("review", "prv_1", charge=charge["id"], payment_intent=charge["payment_intent"], open=True)
    review |= {"opened_reason": reason, "reason": reason}
    intent = scope.account.records("payment_intent")[charge["payment_intent"]]
    for reviewed in (charge, intent):
        reviewed["review"] = review["id"]
        scope.account.put(reviewed)
    scope.emit("review.opened", scope.account.put(review))
    return review


def close_review(scope: Scope, review: Json, reason: str) -> Json:
    if not review["open"]:
        raise unexpected_state(f"This review was closed before: {review['closed_reason']}.")
    review |= {"open": False, "closed_reason": reason, "reason": reason}
    scope.emit("review.closed", scope.account.put(review))
    return review
