"""The order page tells the truth: in every story's end, after every decline, and also between two queries."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core.money import format_money
from orders.declines import ADVICE
from orders.models import Checkout, Dispute, Order, Payment, Refund
from orders.statuses import (
    CONFIRMING,
    EXPIRED,
    PROCESSING,
    UNCLEAR,
    UNPAID,
    Return,
    Status,
    after_business_days,
    status_of,
)
from tests.convergence.stories import STORIES, End

NOW = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)  # a Wednesday
TOTAL = 1850


def with_rows(order: Order, **rows: list[Any]) -> Order:
    """As the view prefetches them; those that are not given stay as they were."""
    kinds: dict[str, list[Any]] = {kind: [] for kind in ("payments", "checkouts", "refunds", "disputes")}
    vars(order)["_prefetched_objects_cache"] = kinds | vars(order).get("_prefetched_objects_cache", {}) | rows
    return order


def words_of(status: Status) -> str:
    return " ".join(str(text) for text in (status.title, status.happened, status.to_do, *status.also))


class TestEveryStory:
    """What its end says to the shopper: the title, and whether a checkout is offered."""

    PAID = ("Paid", False)
    TITLES = {
        "bank_debit_fails": ("The payment did not go through", True),
        "basket_discounted_paid_here": ("Partly refunded", False),
        "canceled": ("Canceled", False),
        "canceled_while_an_intent_is_open": ("Canceled", False),
        "declined_and_given_up": ("The payment did not go through", True),
        "dispute_after_refund": ("Your bank gave you the money back", False),
        "dispute_lost": ("Your bank gave you the money back", False),
        "dispute_open": ("Your bank is looking into this payment", False),
        "expired": ("The checkout has expired", True),
        "inquiry_becomes_dispute": ("Your bank gave you the money back", False),
        "intent_authentication_fails": ("Not paid yet", True),
        "intent_canceled_at_stripe": ("Not paid yet", True),
        "intent_paid_after_cancel": ("Canceled", False),
        "intent_paid_then_dispute_lost": ("Your bank gave you the money back", False),
        "intent_wrong_currency": ("We are looking at your payment", False),
        "nothing_to_pay": ("Complete", False),
        "nothing_to_pay_expired": ("The checkout has expired", True),
        "nothing_to_pay_expired_then_completed": ("Complete", False),
        "paid_after_cancel": ("Canceled", False),
        "paid_after_cancel_and_refunded": ("Canceled", False),
        "partial_refunds_to_full": ("Refunded", False),
        "partly_refunded": ("Partly refunded", False),
        "refund_fails_later": ("A refund did not reach you", False),
        "refund_heard_of_first": ("Refunded", False),
        "refund_pending_then_succeeds": ("Partly refunded", False),
        "refunded_by_staff": ("Partly refunded", False),
        "refunded_by_staff_answer_lost": ("A refund did not reach you", False),
        "same_fact_in_two_events": ("Partly refunded", False),
        "too_little": ("We are looking at your payment", False),
        "two_disputes": ("Your bank gave you the money back", False),
        "wrong_currency": ("We are looking at your payment", False),
        "wrong_mode": ("Not paid yet", True),
    }

    @pytest.mark.parametrize("name", STORIES)
    def test_ends_with_what_is_so(self, name: str) -> None:
        end = STORIES[name].end
        title, payable = self.TITLES.get(name, self.PAID)
        assert (title == "Paid") == (end.state == "paid" and name not in self.TITLES), "a new story needs its words"
        status = status_of(order_at(end, total=0 if name.startswith("nothing_to_pay") else TOTAL), now=NOW)
        assert (str(status.title), status.payable) == (title, payable)
        words = words_of(status)
        for amount in {end.refunded, end.surplus} - {0}:
            assert format_money(amount, "usd") in words
        assert ("nothing was charged" not in words) or not any("succeeded" in payment for payment in end.payments)


def order_at(end: End, *, total: int) -> Order:
    """Unstored rows, as a story words them."""
    order = Order(
        pk=1,
        state=end.state,
        dispute_state=end.dispute_state,
        attention=list(end.attention),
        currency="usd",
        account="default",
        total=total,
        received=end.received,
        refunded=end.refunded,
        surplus=end.surplus,
    )
    payments = []
    for number, told in enumerate(end.payments):
        source, status, amount, currency = told.split()
        fields = {"source": source, "status": status, "amount": int(amount), "currency": currency, "account": "default"}
        payments.append(Payment(payment_intent=f"pi_{number}", source_id=str(number), updated_at=NOW, **fields))
    refunds = [told.split() for told in end.refunds]
    disputes = [told.split() for told in end.disputes]
    return with_rows(
        order,
        payments=payments,
        checkouts=[Checkout(attempt=number, state=state) for number, state in enumerate(end.checkouts)],
        refunds=[Refund(status=how, amount=int(sum_), currency="usd", updated_at=NOW) for how, sum_ in refunds],
        disputes=[Dispute(status=how, amount=int(sum_), currency="usd") for how, sum_ in disputes],
    )


def waiting(*statuses: str, code: str = "", ago: timedelta = timedelta(), **fields: Any) -> Order:
    """A placed order with payments of these statuses, heard of so long ago; `checkouts` are states."""
    checkouts = [Checkout(attempt=1, state=state) for state in fields.pop("checkouts", [])]
    order = Order(pk=1, state="pending", currency="usd", account="default", total=TOTAL, **fields)
    rows = [
        Payment(
            payment_intent=f"pi_{number}",
            source="charge",
            source_id=f"ch_{number}",
            status=status,
            amount=1,
            currency="usd",
            account="default",
            failure_code=code if status == "failed" else "",
            updated_at=NOW - ago,
        )
        for number, status in enumerate(statuses)
    ]
    return with_rows(order, payments=rows, checkouts=checkouts)


class TestAWaitingOrder:
    @pytest.mark.parametrize(
        ("attention", "statuses", "returned", "told"),
        [
            ([], [], False, UNPAID),
            ([], [], True, CONFIRMING),
            ([], ["processing"], False, PROCESSING),
            ([], ["succeeded"], False, CONFIRMING),
            (["underpaid"], ["succeeded"], False, UNCLEAR),
            (["uncounted"], ["succeeded"], True, UNCLEAR),
        ],
    )
    def test_is_told_by_its_own_row_while_a_delivery_is_being_handled(
        self, attention: list[str], statuses: list[str], returned: bool, told: Status
    ) -> None:
        """Rows as two queries may find them: the order before a delivery, its payments after it."""
        order = waiting(*statuses, attention=attention)
        assert status_of(order, returning=Return(paid=returned), now=NOW) == told

    def test_whose_checkout_was_completed_is_being_confirmed_wherever_the_shopper_comes_from(self) -> None:
        assert status_of(waiting(checkouts=["completed"]), now=NOW) == CONFIRMING

    def test_whose_checkout_expired_is_not_being_confirmed_whatever_the_address_says(self) -> None:
        order = waiting(checkouts=["expired"])
        assert status_of(order, returning=Return(paid=True), now=NOW) == EXPIRED

    @pytest.mark.parametrize(
        ("minutes", "title"), [(1, "We are confirming your payment"), (16, "The payment did not go through")]
    )
    def test_is_confirmed_after_a_decline_that_was_just_now_and_not_after_an_old_one(
        self, minutes: int, title: str
    ) -> None:
        order = waiting("failed", ago=timedelta(minutes=minutes), checkouts=["open"])
        assert status_of(order, returning=Return(paid=True), now=NOW).title == title

    def test_was_refused_on_the_way_where_the_address_says_so(self) -> None:
        status = status_of(waiting(checkouts=["open"]), returning=Return(refused=True), now=NOW)
        assert (status.title, status.payable) == ("The payment did not go through", True)

    @pytest.mark.parametrize(
        ("code", "said"),
        [
            ("insufficient_funds", "not enough money"),
            ("expired_card", "has expired"),
            ("authentication_required", "confirm it as your bank asks"),
            ("generic_decline", "ask your bank"),
            ("a_code_of_tomorrow", "ask your bank"),
        ],
    )
    def test_says_what_helps_after_a_decline(self, code: str, said: str) -> None:
        assert said in words_of(status_of(waiting("failed", code=code, checkouts=["open"]), now=NOW))

    def test_is_told_the_reason_that_the_charge_has_not_that_its_session_failed(self) -> None:
        order = waiting("failed", "failed", code="insufficient_funds", checkouts=["completed"])
        order.payments.all()[1].failure_code = ""
        assert "not enough money" in words_of(status_of(order, now=NOW))

    @pytest.mark.parametrize("attention", [[], ["underpaid"]])
    def test_is_told_that_what_did_not_fit_was_given_back(self, attention: list[str]) -> None:
        """What was too little stays so, for those who look after the order; its shopper has it back."""
        order = waiting("succeeded", checkouts=["completed"], attention=attention)
        back = Refund(payment_intent="pi_0", status="succeeded", amount=1, currency="usd", updated_at=NOW)
        with_rows(order, refunds=[back])
        assert status_of(order, now=NOW).title == "Your payment was given back"

    def test_never_says_that_a_card_is_suspected(self) -> None:
        for code in ("fraudulent", "lost_card", "stolen_card", "pickup_card", "merchant_blacklist", "restricted_card"):
            assert code not in ADVICE


class TestAFinalOrder:
    def test_says_when_the_money_is_back(self) -> None:
        order = final("partially_refunded", received=1850, refunded=500, refunds=[refund("succeeded", 500)])
        status = status_of(order, now=NOW)
        assert status.happened == "We received $18.50 and gave $5.00 of it back."
        assert "We sent it on November 25, 2026" in str(status.to_do)
        assert "by December 9, 2026 at the latest" in str(status.to_do)

    def test_says_whom_to_ask_when_it_should_be_back(self) -> None:
        order = final("refunded", received=1850, refunded=1850, refunds=[refund("succeeded", 1850)])
        assert "ask your bank" in str(status_of(order, now=NOW + timedelta(days=30)).to_do)

    def test_says_that_a_refund_is_on_its_way(self) -> None:
        order = final("paid", received=1850, refunds=[refund("pending", 300), refund("pending", 200)])
        assert "A refund of $5.00 is on its way." in status_of(order, now=NOW).also

    def test_says_what_the_bank_gave_back_and_what_we_did(self) -> None:
        order = final("partially_refunded", received=1850, refunded=850, dispute_state="lost")
        lost = Dispute(status="lost", amount=1000, currency="usd")
        with_rows(order, disputes=[lost], refunds=[refund("succeeded", 850)])
        status = status_of(order, now=NOW)
        assert "gave you $10.00 back" in str(status.happened)
        assert "We received $18.50 and gave $8.50 of it back. We sent it on November 25, 2026" in words_of(status)

    @pytest.mark.parametrize(
        ("lost", "said"),
        [
            (Dispute(status="lost", amount=1850, currency="usd"), None),
            (Dispute(status="lost", amount=1000, currency="usd"), "We received $8.50 more than was due"),
            (Dispute(status="lost", amount=1850, currency="eur"), "We received $18.50 more than was due"),
        ],
    )
    def test_is_not_promised_what_the_bank_took_back_already(self, lost: Dispute, said: str | None) -> None:
        order = with_rows(final("paid", received=3700, surplus=1850, dispute_state="lost"), disputes=[lost])
        words = words_of(status_of(order, now=NOW))
        assert (said in words) if said else ("more than was due" not in words)

    @pytest.mark.parametrize(
        ("reason", "said"),
        [
            ("staff", "The shop canceled"),
            ("stale", "not paid in time"),
            ("price_changed", "The price changed before this order was paid, so it was canceled."),
            ("a reason of tomorrow", "was canceled"),
        ],
    )
    def test_says_why_it_was_canceled(self, reason: str, said: str) -> None:
        assert said in str(status_of(final("canceled"), canceled_because=reason, now=NOW).happened)

    def test_is_not_thanked_for_what_is_not_all_there(self) -> None:
        order = final("paid", received=1000, attention=["refund_failed", "underpaid"])
        with_rows(order, payments=[received(1000)])
        status = status_of(order, now=NOW)
        assert status.also == ("We received $10.00, and this order costs $18.50.",)

    def test_is_not_owed_what_was_given_back_in_another_way(self) -> None:
        order = final("refunded", received=1850, refunded=1850, attention=["refund_failed"])
        with_rows(order, payments=[received(1850)], refunds=[refund("failed", 1850), refund("succeeded", 1850)])
        assert str(status_of(order, now=NOW).title) == "Refunded"

    def test_in_review_is_told_without_the_reason(self) -> None:
        status = status_of(final("paid", received=1850, attention=["in_review"]), now=NOW)
        assert (status.title, status.to_do) == (
            "Paid",
            "We take a look at it before we go on; there is nothing for you to do.",
        )


def final(state: str, *, refunds: list[Refund] | None = None, **fields: Any) -> Order:
    return with_rows(Order(pk=1, state=state, currency="usd", total=TOTAL, **fields), refunds=refunds or [])


def received(amount: int) -> Payment:
    return Payment(source="charge", status="succeeded", amount=amount, currency="usd", payment_intent="pi_1")


def refund(status: str, amount: int) -> Refund:
    return Refund(status=status, amount=amount, currency="usd", payment_intent="pi_1", updated_at=NOW)


@pytest.mark.parametrize(("days", "date"), [(1, "2026-11-26"), (3, "2026-11-30"), (10, "2026-12-09")])
def test_business_days_leave_weekends_out(days: int, date: str) -> None:
    assert after_business_days(NOW.date(), days).isoformat() == date
