"""`/v1/disputes`. Source: docs.stripe.com/api/disputes, docs.stripe.com/testing#evidence."""

from simulator.disputes import move_dispute
from simulator.errors import not_simulated, unexpected_state
from simulator.resources.listing import fetch, list_kind
from simulator.resources.metadata import merge_metadata
from simulator.state import Json
from simulator.world import Call

ANSWERED_BY = {"needs_response": "under_review", "warning_needs_response": "warning_under_review"}
# Texts that decide a chargeback as soon as they are submitted.
VERDICTS = {"winning_evidence": "won", "losing_evidence": "lost"}


def retrieve(call: Call) -> Json:
    return fetch(call, "dispute", "dispute")


def list_disputes(call: Call) -> Json:
    return list_kind(call, "dispute", equal=("charge", "payment_intent"))


def update(call: Call) -> Json:
    """Stage evidence or submit it; evidence without `submit` is submitted, metadata alone is not."""
    dispute = fetch(call, "dispute", "dispute")
    before = {"metadata": dispute["metadata"]}
    dispute["metadata"] = merge_metadata(dispute["metadata"], call.params)
    evidence = call.params.get("evidence", {})
    if "enhanced_evidence" in evidence:
        raise not_simulated("enhanced evidence of a dispute")
    submits = call.params.get("submit", bool(evidence))
    if (evidence or submits) and dispute["status"] not in ANSWERED_BY:
        raise unexpected_state(f"You cannot submit evidence to a dispute that has a status of {dispute['status']}.")
    if evidence:
        dispute["evidence"] |= {name: text or None for name, text in evidence.items()}
        dispute["evidence_details"]["has_evidence"] = any(dispute["evidence"].values())
    if submits:
        return _submit(call, dispute)
    call.emit("charge.dispute.updated", call.account.put(dispute), before)
    return dispute


def _submit(call: Call, dispute: Json) -> Json:
    move_dispute(call, dispute, ANSWERED_BY[dispute["status"]])
    verdict = VERDICTS.get(dispute["evidence"]["uncategorized_text"] or "")
    if verdict and dispute["status"] == "under_review":
        move_dispute(call, dispute, verdict)
    return dispute


def close(call: Call) -> Json:
    """Accept the dispute: it is lost."""
    dispute = fetch(call, "dispute", "dispute")
    if dispute["status"] != "needs_response":
        raise unexpected_state(f"You cannot close a dispute that has a status of {dispute['status']}.")
    return move_dispute(call, dispute, "lost")


HANDLERS = {
    ("GET", "/v1/disputes"): list_disputes,
    ("GET", "/v1/disputes/{dispute}"): retrieve,
    ("POST", "/v1/disputes/{dispute}"): update,
    ("POST", "/v1/disputes/{dispute}/close"): close,
}
