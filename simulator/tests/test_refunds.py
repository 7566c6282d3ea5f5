from typing import Any

import pytest
import requests
import stripe

from simulator.tests.running import Shop

CREATED = ["refund.created", "charge.refunded"]


def refund(shop: Shop, charge: stripe.Charge, **params: Any) -> stripe.Refund:
    return shop.stripe.v1.refunds.create({"charge": charge.id, **params})  # type: ignore[arg-type]


def begin(shop: Shop, charge: stripe.Charge, status: str, **params: Any) -> stripe.Refund:
    shop.simulator.control("POST", "refunds", next=status, key=shop.key)
    return refund(shop, charge, **params)


def move(shop: Shop, moved: stripe.Refund, status: str, **fields: str) -> Any:
    return shop.simulator.control("POST", f"refunds/{moved.id}", status=status, **fields)


def reread(shop: Shop, charge: stripe.Charge) -> tuple[int, bool]:
    found = shop.stripe.v1.charges.retrieve(charge.id)
    return found.amount_refunded, found.refunded


def refusal(shop: Shop, **params: str) -> dict[str, Any]:
    response = shop.request("POST", "/v1/refunds", data=params)
    error: dict[str, Any] = response.json()["error"]
    return error | {"status": response.status_code}


class TestRefunding:
    def test_without_an_amount_what_is_left_is_refunded(self, shop: Shop) -> None:
        charge = shop.buy()
        first = refund(shop, charge, amount=500, reason="requested_by_customer", metadata={"call_id": "7"})
        assert (first.status, first.amount, first.currency, first.charge) == ("succeeded", 500, "usd", charge.id)
        assert (first.payment_intent, first.reason) == (charge.payment_intent, "requested_by_customer")
        assert first.metadata
        assert first.metadata["call_id"] == "7"
        assert reread(shop, charge) == (500, False)
        assert refund(shop, charge).amount == 1500
        assert reread(shop, charge) == (2000, True)

    def test_a_payment_intent_names_its_charge(self, shop: Shop) -> None:
        shop.pay(session := shop.open_session(), card_number="4000000000000002")
        shop.pay(session)
        [paid, _failed] = shop.stripe.v1.charges.list().data
        intent = str(paid.payment_intent)
        assert shop.stripe.v1.refunds.create({"payment_intent": intent}).charge == paid.id

    def test_its_events_hold_the_refund_and_then_the_charge(self, shop: Shop) -> None:
        made = refund(shop, shop.buy(), amount=500)
        assert shop.event_types()[-2:] == CREATED
        assert shop.newest_event("refund.created").data.object["id"] == made.id
        refunded = shop.newest_event("charge.refunded").data
        assert refunded.object["amount_refunded"] == 500
        assert refunded["previous_attributes"].to_dict() == {"amount_refunded": 0, "refunded": False}

    def test_it_is_found_by_charge_intent_and_time(self, shop: Shop) -> None:
        charge = shop.buy()
        made = [refund(shop, charge, amount=amount).id for amount in (100, 200)][::-1]
        refund(shop, shop.buy())
        listed = shop.stripe.v1.refunds.list
        assert [found.id for found in listed({"charge": charge.id}).data] == made
        assert [found.id for found in listed({"payment_intent": str(charge.payment_intent)}).data] == made
        assert len(listed({"created": {"gte": charge.created}}).data) == 3
        assert listed({"created": {"lt": charge.created}}).data == []
        assert shop.stripe.v1.refunds.retrieve(made[0]).amount == 200
        expanded = shop.stripe.v1.charges.retrieve(charge.id, {"expand": ["refunds.data.balance_transaction"]})
        assert expanded.refunds
        assert [found.id for found in expanded.refunds.data] == made

    def test_its_metadata_can_change(self, shop: Shop) -> None:
        made = refund(shop, shop.buy(), metadata={"a": "1", "b": "2"})
        changed = shop.stripe.v1.refunds.update(made.id, {"metadata": {"a": "", "c": "3"}})
        assert changed.metadata
        assert changed.metadata.to_dict() == {"b": "2", "c": "3"}
        assert shop.event_types()[-2:] == ["refund.updated", "charge.refund.updated"]

    def test_the_same_key_refunds_once(self, shop: Shop) -> None:
        charge = shop.buy()
        params: Any = {"charge": charge.id, "amount": 700}
        made = [shop.stripe.v1.refunds.create(params, {"idempotency_key": "refund-1"}).id for _ in range(2)]
        assert made[0] == made[1]
        assert reread(shop, charge) == (700, False)

    def test_one_from_the_dashboard_is_caused_by_no_request(self, shop: Shop) -> None:
        charge = shop.buy()
        shop.simulator.control("POST", "refunds", charge=charge.id, amount=300)
        assert reread(shop, charge) == (300, False)
        created = shop.newest_event("refund.created")
        assert created["request"]["id"] is None
        assert created.data.object["metadata"].to_dict() == {}


class TestRefusing:
    def test_a_charge_that_has_been_refunded(self, shop: Shop) -> None:
        charge = shop.buy()
        refund(shop, charge)
        error = refusal(shop, charge=charge.id)
        assert (error["status"], error["code"]) == (400, "charge_already_refunded")
        assert error["message"] == f"Charge {charge.id} has already been refunded."

    def test_more_than_is_left(self, shop: Shop) -> None:
        charge = shop.buy()
        refund(shop, charge, amount=500)
        error = refusal(shop, charge=charge.id, amount="1501")
        assert error["message"] == "Refund amount ($15.01) is greater than unrefunded amount on charge ($15.00)"
        assert (error["status"], error["param"], "code" in error) == (400, "amount", False)

    @pytest.mark.parametrize(
        ("params", "status", "code"),
        [
            ({"charge": "ch_none"}, 404, "resource_missing"),
            ({"payment_intent": "pi_none"}, 404, "resource_missing"),
            ({}, 400, "parameter_missing"),
            ({"charge": "ch_1", "payment_intent": "pi_1"}, 400, None),
            ({"charge": "ch_1", "reverse_transfer": "true"}, 501, None),
        ],
    )
    def test_what_names_no_charge(self, shop: Shop, params: dict[str, str], status: int, code: str | None) -> None:
        error = refusal(shop, **params)
        assert (error["status"], error.get("code")) == (status, code)

    def test_nothing_or_less(self, shop: Shop) -> None:
        charge = shop.buy()
        assert refusal(shop, charge=charge.id, amount="0")["code"] == "parameter_invalid_integer"
        assert refusal(shop, charge=charge.id, amount="-5")["code"] == "parameter_invalid_integer"

    def test_a_charge_without_money(self, shop: Shop) -> None:
        declined = shop.buy(card_number="4000000000000002")
        assert refusal(shop, charge=declined.id)["code"] == "charge_not_refundable"
        error = refusal(shop, payment_intent=str(declined.payment_intent))
        assert "does not have a successful charge to refund" in error["message"]

    def test_a_charge_that_is_disputed(self, shop: Shop) -> None:
        charge = shop.buy()
        dispute = shop.simulator.control("POST", "disputes", charge=charge.id)
        assert refusal(shop, charge=charge.id)["code"] == "charge_disputed"
        shop.simulator.control("POST", f"disputes/{dispute['id']}", status="won")
        assert refund(shop, charge).status == "succeeded"


class TestMovingOn:
    def test_a_pending_refund_succeeds_later(self, shop: Shop) -> None:
        charge = shop.buy()
        pending = begin(shop, charge, "pending")
        assert (pending.status, pending["pending_reason"]) == ("pending", "processing")
        assert reread(shop, charge) == (2000, True)
        moved = move(shop, pending, "succeeded")
        assert (moved["status"], "pending_reason" in moved) == ("succeeded", False)
        assert shop.event_types()[-4:] == [*CREATED, "refund.updated", "charge.refund.updated"]
        updated = shop.newest_event("refund.updated").data
        assert (updated.object["status"], updated["previous_attributes"]["status"]) == ("succeeded", "pending")

    def test_one_that_fails_after_it_succeeded_gives_the_money_back(self, shop: Shop) -> None:
        charge = shop.buy()
        refund(shop, charge, amount=500)
        failing = refund(shop, charge)
        failed = move(shop, failing, "failed", failure_reason="expired_or_canceled_card")
        assert (failed["status"], failed["failure_reason"]) == ("failed", "expired_or_canceled_card")
        assert reread(shop, charge) == (500, False)
        assert shop.event_types()[-3:] == ["refund.updated", "charge.refund.updated", "refund.failed"]
        returned = shop.stripe.v1.balance_transactions.retrieve(failed["failure_balance_transaction"])
        assert (returned.type, returned.amount, returned.source) == ("refund_failure", 1500, failing.id)
        assert refund(shop, charge).amount == 1500

    def test_one_that_needs_the_customer_can_be_canceled(self, shop: Shop) -> None:
        charge = shop.buy()
        waiting = begin(shop, charge, "requires_action")
        canceled = shop.stripe.v1.refunds.cancel(waiting.id)
        assert (canceled.status, canceled.failure_reason) == ("canceled", "merchant_request")
        assert reread(shop, charge) == (0, False)
        assert shop.event_types()[-2:] == ["refund.updated", "charge.refund.updated"]

    def test_others_cannot_be_canceled(self, shop: Shop) -> None:
        with pytest.raises(stripe.InvalidRequestError, match="status of succeeded"):
            shop.stripe.v1.refunds.cancel(refund(shop, shop.buy()).id)

    @pytest.mark.parametrize(("first", "then"), [("failed", "succeeded"), ("failed", "failed")])
    def test_what_is_over_stays_over(self, shop: Shop, first: str, then: str) -> None:
        made = refund(shop, shop.buy())
        move(shop, made, first)
        answer = requests.post(f"{shop.simulator.url}/_sim/refunds/{made.id}", json={"status": then}, timeout=5)
        assert (answer.status_code, "cannot become" in answer.json()["error"]) == (400, True)

    def test_an_order_for_the_next_counts_down(self, shop: Shop) -> None:
        charge = shop.buy()
        shop.simulator.control("POST", "refunds", next="pending", times=2)
        assert [refund(shop, charge, amount=1).status for _ in range(3)] == ["pending", "pending", "succeeded"]


class TestLedger:
    def test_charges_and_refunds_are_in_it(self, shop: Shop) -> None:
        charge = shop.buy()
        made = refund(shop, charge, amount=500)
        bookings = shop.stripe.v1.balance_transactions
        assert [(entry.type, entry.amount, entry.fee, entry.net, entry.source) for entry in bookings.list().data] == [
            ("refund", -500, 0, -500, made.id),
            ("charge", 2000, 88, 1912, charge.id),
        ]
        assert charge.balance_transaction == bookings.list({"source": charge.id}).data[0].id
        assert [entry.type for entry in bookings.list({"type": "refund"}).data] == ["refund"]
        expanded = shop.stripe.v1.refunds.retrieve(made.id, {"expand": ["balance_transaction"]})
        assert isinstance(expanded.balance_transaction, stripe.BalanceTransaction)
        assert expanded.balance_transaction.net == -500

    def test_a_declined_charge_is_not(self, shop: Shop) -> None:
        assert shop.buy(card_number="4000000000000002").balance_transaction is None
        assert shop.stripe.v1.balance_transactions.list().data == []


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("refunds", {"charge": "ch_none"}),
        ("refunds", {"next": "paid"}),
        ("refunds", {"next": "pending", "times": -1}),
        ("refunds", {"next": "pending", "times": True}),
        ("refunds", {"next": "pending", "key": "pk_test_1"}),
        ("refunds", {"colour": "red"}),
        ("refunds/re_none", {"status": "failed"}),
        ("disputes", {}),
        ("disputes/du_none", {"status": "won"}),
    ],
)
def test_nonsense_is_refused_with_a_reason(shop: Shop, path: str, body: dict[str, object]) -> None:
    response = requests.post(f"{shop.simulator.url}/_sim/{path}", json=body, timeout=5)
    assert response.status_code == 400
    assert response.json()["error"]
