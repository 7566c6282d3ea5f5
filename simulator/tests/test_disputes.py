from typing import Any

import pytest
import requests
import stripe

from simulator.ledger import DISPUTE_FEE
from simulator.payments import DISPUTED_AFTER_SECONDS
from simulator.tests.running import Shop

OPENED = ["charge.dispute.created", "charge.dispute.funds_withdrawn"]
WON = ["charge.dispute.closed", "charge.dispute.funds_reinstated"]


def open_dispute(shop: Shop, charge: stripe.Charge, **fields: Any) -> stripe.Dispute:
    made = shop.simulator.control("POST", "disputes", charge=charge.id, **fields)
    return shop.stripe.v1.disputes.retrieve(made["id"])


def move(shop: Shop, dispute: stripe.Dispute, status: str) -> stripe.Dispute:
    moved = shop.simulator.control("POST", f"disputes/{dispute.id}", status=status)
    assert moved["status"] == status
    return shop.stripe.v1.disputes.retrieve(dispute.id)


def dispute_events(shop: Shop) -> list[str]:
    return [name for name in shop.event_types() if name.startswith("charge.dispute.")]


def movements(dispute: stripe.Dispute) -> list[tuple[str, int, int]]:
    return [(entry.reporting_category, entry.amount, entry.fee) for entry in dispute.balance_transactions]


class TestOpening:
    def test_a_chargeback_takes_the_amount_and_a_fee(self, shop: Shop) -> None:
        charge = shop.buy()
        dispute = open_dispute(shop, charge)
        assert (dispute.status, dispute.reason, dispute.amount) == ("needs_response", "fraudulent", 2000)
        assert (dispute.charge, dispute.payment_intent) == (charge.id, charge.payment_intent)
        assert (dispute.is_charge_refundable, movements(dispute)) == (False, [("dispute", -2000, DISPUTE_FEE)])
        due_by = dispute.evidence_details.due_by
        assert due_by
        assert 14 <= (due_by - dispute.created) / (24 * 60 * 60) < 15
        assert shop.stripe.v1.charges.retrieve(charge.id).disputed
        assert dispute_events(shop) == OPENED
        assert shop.newest_event("charge.dispute.created").data.object["balance_transactions"] == []

    def test_the_card_made_for_it_is_disputed_five_days_later(self, shop: Shop) -> None:
        charge = shop.buy(card_number="4000000000000259")
        refunded = shop.buy(card_number="4000000000000259")
        shop.stripe.v1.refunds.create({"charge": refunded.id})
        shop.simulator.control("POST", "advance", seconds=DISPUTED_AFTER_SECONDS - 60)
        assert shop.stripe.v1.disputes.list().data == []
        shop.simulator.control("POST", "advance", seconds=60)
        assert [found.charge for found in shop.stripe.v1.disputes.list().data] == [charge.id]

    def test_a_charge_may_have_several_of_other_amounts(self, shop: Shop) -> None:
        charge = shop.buy()
        first = open_dispute(shop, charge, amount=700, reason="duplicate")
        second = open_dispute(shop, charge, amount=2100, reason="product_not_received")
        listed = shop.stripe.v1.disputes.list
        assert [found.id for found in listed({"charge": charge.id}).data] == [second.id, first.id]
        assert len(listed({"payment_intent": str(charge.payment_intent)}).data) == 2
        assert listed({"charge": "ch_other"}).data == []
        assert [movements(dispute)[0][1] for dispute in (first, second)] == [-700, -2100]

    def test_an_inquiry_takes_nothing(self, shop: Shop) -> None:
        inquiry = open_dispute(shop, shop.buy(), status="warning_needs_response")
        assert (inquiry.is_charge_refundable, movements(inquiry)) == (True, [])
        assert dispute_events(shop) == ["charge.dispute.created"]

    def test_what_was_prevented_or_is_lost_is_over_at_once(self, shop: Shop) -> None:
        prevented = open_dispute(shop, shop.buy(), status="prevented")
        assert (prevented.status, movements(prevented)) == ("prevented", [])
        assert dispute_events(shop) == ["charge.dispute.created", "charge.dispute.closed"]
        lost = open_dispute(shop, shop.buy(), status="lost")
        assert movements(lost) == [("dispute", -2000, DISPUTE_FEE)]
        assert dispute_events(shop)[2:] == [*OPENED, "charge.dispute.closed"]

    @pytest.mark.parametrize("fields", [{"amount": 0}, {"reason": "mood"}, {"status": "won"}])
    def test_nonsense_is_refused(self, shop: Shop, fields: dict[str, object]) -> None:
        body = {"charge": shop.buy().id, **fields}
        assert requests.post(f"{shop.simulator.url}/_sim/disputes", json=body, timeout=5).status_code == 400

    def test_without_money_there_is_nothing_to_dispute(self, shop: Shop) -> None:
        body = {"charge": shop.buy(card_number="4000000000000002").id}
        assert requests.post(f"{shop.simulator.url}/_sim/disputes", json=body, timeout=5).status_code == 400


class TestMovingOn:
    def test_won(self, shop: Shop) -> None:
        dispute = open_dispute(shop, shop.buy())
        assert move(shop, dispute, "under_review").evidence_details.submission_count == 1
        won = move(shop, dispute, "won")
        assert movements(won) == [("dispute", -2000, DISPUTE_FEE), ("dispute_reversal", 2000, 0)]
        assert won.is_charge_refundable
        assert dispute_events(shop) == [*OPENED, "charge.dispute.updated", *WON]
        updated = shop.newest_event("charge.dispute.updated").data
        assert updated["previous_attributes"].to_dict() == {"status": "needs_response"}

    def test_lost(self, shop: Shop) -> None:
        lost = move(shop, open_dispute(shop, shop.buy()), "lost")
        assert (lost.is_charge_refundable, len(lost.balance_transactions)) == (False, 1)
        assert dispute_events(shop) == [*OPENED, "charge.dispute.closed"]

    def test_an_inquiry_ends_quietly(self, shop: Shop) -> None:
        inquiry = open_dispute(shop, shop.buy(), status="warning_needs_response")
        move(shop, inquiry, "warning_under_review")
        assert movements(move(shop, inquiry, "warning_closed")) == []
        assert dispute_events(shop) == [OPENED[0], "charge.dispute.updated", "charge.dispute.closed"]

    def test_an_inquiry_becomes_a_chargeback(self, shop: Shop) -> None:
        inquiry = open_dispute(shop, shop.buy(), status="warning_needs_response")
        escalated = move(shop, inquiry, "needs_response")
        assert movements(escalated) == [("dispute", -2000, DISPUTE_FEE)]
        assert dispute_events(shop) == [OPENED[0], "charge.dispute.updated", OPENED[1]]

    def test_what_is_over_stays_over(self, shop: Shop) -> None:
        dispute = open_dispute(shop, shop.buy(), status="lost")
        answer = requests.post(f"{shop.simulator.url}/_sim/disputes/{dispute.id}", json={"status": "won"}, timeout=5)
        assert (answer.status_code, "cannot become" in answer.json()["error"]) == (400, True)

    def test_without_an_answer_it_is_lost_when_it_is_due(self, shop: Shop) -> None:
        silent, answered = (open_dispute(shop, shop.buy()) for _ in range(2))
        move(shop, answered, "under_review")
        shop.simulator.control("POST", "advance", seconds=15 * 24 * 60 * 60)
        lost = shop.stripe.v1.disputes.retrieve(silent.id)
        assert (lost.status, lost.evidence_details.past_due) == ("lost", True)
        assert shop.stripe.v1.disputes.retrieve(answered.id).status == "under_review"


class TestAnswering:
    def test_evidence_is_staged_and_then_submitted(self, shop: Shop) -> None:
        dispute = open_dispute(shop, shop.buy())
        disputes = shop.stripe.v1.disputes
        staged = disputes.update(dispute.id, {"evidence": {"customer_name": "Ada"}, "submit": False})
        assert (staged.status, staged.evidence_details.has_evidence) == ("needs_response", True)
        submitted = disputes.update(dispute.id, {"submit": True})
        assert (submitted.status, submitted.evidence["customer_name"]) == ("under_review", "Ada")
        assert submitted.evidence_details.submission_count == 1
        with pytest.raises(stripe.InvalidRequestError, match="under_review"):
            disputes.update(dispute.id, {"evidence": {"customer_name": "Eve"}})

    def test_metadata_alone_submits_nothing(self, shop: Shop) -> None:
        dispute = open_dispute(shop, shop.buy())
        updated = shop.stripe.v1.disputes.update(dispute.id, {"metadata": {"case": "7"}})
        assert (updated.status, updated.metadata["case"]) == ("needs_response", "7")
        assert dispute_events(shop) == [*OPENED, "charge.dispute.updated"]

    @pytest.mark.parametrize(("text", "verdict"), [("winning_evidence", "won"), ("losing_evidence", "lost")])
    def test_stripes_test_evidence_decides(self, shop: Shop, text: str, verdict: str) -> None:
        dispute = open_dispute(shop, shop.buy())
        evidence: Any = {"uncategorized_text": text}
        assert shop.stripe.v1.disputes.update(dispute.id, {"evidence": evidence}).status == verdict

    def test_closing_accepts_it(self, shop: Shop) -> None:
        dispute = open_dispute(shop, shop.buy())
        assert shop.stripe.v1.disputes.close(dispute.id).status == "lost"
        with pytest.raises(stripe.InvalidRequestError, match="status of lost"):
            shop.stripe.v1.disputes.close(dispute.id)
