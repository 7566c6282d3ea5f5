"""Above the limit a second person decides: tried through the addresses, with people of different permissions."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
from django.conf import LazySettings
from django.db import connection
from django.test import Client

from core.eventlog.replay import check_rows
from core.models import Event
from orders.models import Item, Order, RefundApproval
from orders.selectors import waiting_approvals
from orders.tests.shopping import buy, deliver_all, paid_twice
from orders.tests.staff import LEAD, OPERATE, VIEW, actor, person
from tests.simulated import SimulatedStripe

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def order(shopper: Client, mug: Item, stripe_side: SimulatedStripe, settings: LazySettings) -> Order:
    """Of $18.50, paid; $10.00 may be given back alone."""
    settings.REFUND_LIMIT = {"usd": 1000}
    stripe_side.pay(buy(shopper, mug)["url"])
    deliver_all(shopper, stripe_side)
    return Order.objects.get()


@pytest.fixture
def operator() -> Client:
    return person("olga", *OPERATE)


@pytest.fixture
def lead() -> Client:
    return person("lena", *LEAD)


def address(order: Order, *parts: object) -> str:
    return f"/admin/orders/order/{order.pk}/{'/'.join(map(str, parts))}/"


def refund(client: Client, order: Order, amount: str, call_id: str = "", **fields: str) -> Any:
    intent = order.payments.first().payment_intent  # type: ignore[union-attr]
    form = {"payment": intent, "amount": amount, "reason": "duplicate", "call_id": call_id or str(uuid4()), **fields}
    return client.post(address(order, "refund"), form, follow=True)


def decide(client: Client, order: Order, how: str = "approve") -> list[str]:
    answer = client.post(address(order, how, RefundApproval.objects.get().approval), follow=True)
    return [str(message) for message in answer.context["messages"]]


def given(side: SimulatedStripe) -> list[int]:
    return [one["amount"] for one in side.objects("refund")]


class TestTheLimit:
    def test_is_what_one_may_give_back_alone(
        self, operator: Client, order: Order, stripe_side: SimulatedStripe
    ) -> None:
        refund(operator, order, "10.00")
        assert (given(stripe_side), RefundApproval.objects.count()) == ([1000], 0)

    def test_is_of_the_sum_of_what_anybody_gave_back_of_the_order_alone(
        self, operator: Client, order: Order, stripe_side: SimulatedStripe
    ) -> None:
        refund(operator, order, "6.00")
        refund(person("otto", *OPERATE), order, "4.01")
        assert given(stripe_side) == [600]
        assert RefundApproval.objects.get().amount == 401

    def test_counts_what_stripe_has_not_answered_about(
        self, operator: Client, order: Order, stripe_side: SimulatedStripe
    ) -> None:
        stripe_side.order_fault("timeout_before", "POST /v1/refunds", seconds=1)
        refund(operator, order, "6.00")
        refund(operator, order, "6.00")
        assert [one.amount for one in RefundApproval.objects.all()] == [600]

    def test_does_not_count_what_failed(
        self, operator: Client, order: Order, client: Client, stripe_side: SimulatedStripe
    ) -> None:
        refund(operator, order, "6.00")
        [made] = stripe_side.objects("refund")
        stripe_side.move("refunds", made["id"], status="failed", failure_reason="lost_or_stolen_card")
        deliver_all(client, stripe_side)
        refund(operator, order, "6.00")
        assert (given(stripe_side), RefundApproval.objects.count()) == ([600, 600], 0)

    def test_is_none_for_who_may_refund_above_it(
        self, lead: Client, order: Order, stripe_side: SimulatedStripe
    ) -> None:
        refund(lead, order, "18.50")
        assert (given(stripe_side), RefundApproval.objects.count()) == ([1850], 0)

    @pytest.mark.parametrize(("limits", "waits"), [({}, 0), ({"*": 500}, 1), ({"eur": 5000}, 1), ({"*": 1850}, 0)])
    def test_is_by_currency(
        self, operator: Client, order: Order, settings: LazySettings, limits: dict[str, int], waits: int
    ) -> None:
        settings.REFUND_LIMIT = limits
        refund(operator, order, "18.50")
        assert waiting_approvals().count() == waits

    def test_is_not_passed_by_two_tabs_at_once(
        self, operator: Client, order: Order, stripe_side: SimulatedStripe
    ) -> None:
        def press(amount: str) -> None:
            try:
                browser = Client()
                browser.cookies = operator.cookies
                refund(browser, order, amount)
            finally:
                connection.close()

        with ThreadPoolExecutor(4) as tabs:
            list(tabs.map(press, ["6.00", "6.00", "6.00", "6.00"]))
        assert given(stripe_side) == [600]
        assert RefundApproval.objects.filter(state="waiting").count() == 3

    def test_is_of_surplus_too(
        self, operator: Client, shopper: Client, mug: Item, stripe_side: SimulatedStripe, settings: LazySettings
    ) -> None:
        settings.REFUND_LIMIT = {"usd": 1000}
        order = paid_twice(shopper, mug, stripe_side, amounts=(3000, 2500))
        form = {"amount": "3650", "call_id": str(uuid4())}
        page = operator.get(address(order, "return_surplus")).content.decode()
        assert "it will wait for a second person" in page
        for _ in range(2):
            operator.post(address(order, "return_surplus"), form)
        assert (given(stripe_side), RefundApproval.objects.get().amount) == ([], 3650)
        assert decide(person("lena", *LEAD), order) == ["The refund was approved, and Stripe accepted it."]
        assert sorted(given(stripe_side)) == [1150, 2500]
        assert Order.objects.get().surplus == 0

    def test_of_surplus_is_waited_for_once(
        self, operator: Client, shopper: Client, mug: Item, stripe_side: SimulatedStripe, settings: LazySettings
    ) -> None:
        settings.REFUND_LIMIT = {"usd": 0}
        order = paid_twice(shopper, mug, stripe_side, amounts=(1850, 1850))
        operator.post(address(order, "return_surplus"), {"amount": "1850", "call_id": str(uuid4())})
        form = {"amount": "1850", "call_id": str(uuid4())}
        answer = person("otto", *OPERATE).post(address(order, "return_surplus"), form, follow=True)
        assert [str(message) for message in answer.context["messages"]] == [
            "This can't be refunded: its surplus waits for a second person already."
        ]
        assert RefundApproval.objects.count() == 1

    def test_of_surplus_gives_nothing_back_once_there_is_less(
        self,
        operator: Client,
        lead: Client,
        shopper: Client,
        mug: Item,
        stripe_side: SimulatedStripe,
        settings: LazySettings,
    ) -> None:
        settings.REFUND_LIMIT = {"usd": 0}
        order = paid_twice(shopper, mug, stripe_side, amounts=(1850, 1850))
        operator.post(address(order, "return_surplus"), {"amount": "1850", "call_id": str(uuid4())})
        [part] = RefundApproval.objects.get().refund_parts
        other = order.payments.exclude(payment_intent=part.payment_intent).first()
        assert other is not None
        refund(lead, order, "18.50", payment=other.payment_intent)
        assert decide(lead, order) == ["This can't be refunded: no more came in than is due."]
        assert (given(stripe_side), Order.objects.get().state) == ([1850], "paid")


class TestAnApproval:
    @pytest.fixture
    def asked(self, operator: Client, order: Order) -> Order:
        call_id = str(uuid4())
        for _ in range(2):
            answer = refund(operator, order, "18.50", call_id)
            [said] = [str(message) for message in answer.context["messages"]]
            assert said.endswith("more than you may give back alone: it waits for a second person.")
        return order

    def test_waits_on_record_and_is_told_on_the_orders_page(
        self, operator: Client, lead: Client, asked: Order, stripe_side: SimulatedStripe
    ) -> None:
        [waiting] = waiting_approvals()
        assert (waiting.amount, waiting.currency, waiting.asked_by) == (1850, "usd", actor("olga"))
        assert Event.objects.filter(kind="order.refund_approval_requested").count() == 1
        page = operator.get(address(asked, "change"))
        assert "A refund of $18.50 waits for a second person; Olga asked for it." in page.content.decode()
        assert [one.may_decide for one in page.context["waiting"]] == [False]
        assert [one.may_decide for one in lead.get(address(asked, "change")).context["waiting"]] == [True]
        listed = lead.get("/admin/orders/refundapproval/", {"state__exact": "waiting"})
        assert list(listed.context["cl"].result_list) == [waiting]
        assert given(stripe_side) == []

    def test_is_given_by_a_second_person_and_makes_the_refund_once(
        self, lead: Client, asked: Order, stripe_side: SimulatedStripe
    ) -> None:
        approval = RefundApproval.objects.get().approval
        said = lead.get(address(asked, "approve", approval)).content.decode()
        assert f"$18.50 of order {asked.pk} goes back to the shopper, as Olga has asked" in said
        assert "It was paid twice" in said
        assert asked.payments.first().payment_intent in said  # type: ignore[union-attr]
        for _ in range(2):
            assert decide(lead, asked) == ["The refund was approved, and Stripe accepted it."]
        assert given(stripe_side) == [1850]
        decided = RefundApproval.objects.get()
        assert (decided.state, decided.decided_by) == ("approved", actor("lena"))
        assert Event.objects.get(kind="order.refund_approved").actor == actor("lena")
        assert Order.objects.get().state == "refunded"
        told = [row for row in lead.get(address(asked, "change")).context["timeline"] if "refund_appr" in row.kind]
        assert [row.actor for row in told] == ["Olga", "Lena"]
        assert list(check_rows()) == []

    @pytest.mark.parametrize("how", ["approve", "decline"])
    def test_is_not_given_by_who_asked(
        self, operator: Client, asked: Order, stripe_side: SimulatedStripe, how: str
    ) -> None:
        from django.contrib.auth.models import Permission, User  # noqa: PLC0415 to promote her meanwhile

        olga = User.objects.get(username="olga")
        assert decide(operator, asked, how) == ["This can't be decided: you may not approve refunds above the limit."]
        olga.user_permissions.add(Permission.objects.get(codename="refund_above_limit"))
        operator.force_login(olga)  # another role ends what was begun in the one before
        assert decide(operator, asked, how) == [
            "This can't be decided: you asked for it yourself, so somebody else has to decide."
        ]
        assert (RefundApproval.objects.get().state, given(stripe_side)) == ("waiting", [])

    @pytest.mark.parametrize("how", ["approve", "decline"])
    def test_is_not_given_by_who_may_not_act(self, asked: Order, how: str) -> None:
        viewer = person("vera", *VIEW, "refund_above_limit")
        approval = RefundApproval.objects.get().approval
        assert viewer.get(address(asked, how, approval)).status_code == 403
        assert viewer.post(address(asked, how, approval)).status_code == 403
        assert decide(person("otto", *OPERATE), asked, how) == [
            "This can't be decided: you may not approve refunds above the limit."
        ]
        assert RefundApproval.objects.get().state == "waiting"

    def test_is_declined_once_and_then_stays_so(
        self, operator: Client, lead: Client, asked: Order, stripe_side: SimulatedStripe
    ) -> None:
        for _ in range(2):
            assert decide(lead, asked, "decline") == ["The refund was declined."]
        assert Event.objects.filter(kind="order.refund_declined").count() == 1
        assert decide(lead, asked) == ["This can't be decided: it was declined."]
        assert decide(person("lars", *LEAD), asked) == ["This can't be decided: it was declined."]
        assert given(stripe_side) == []

    def test_of_what_is_not_left_any_more_is_refused_and_waits_on(
        self, lead: Client, asked: Order, stripe_side: SimulatedStripe
    ) -> None:
        refund(lead, asked, "5.00")
        assert decide(lead, asked) == ["This can't be refunded: $13.50 is left of this payment."]
        assert (RefundApproval.objects.get().state, given(stripe_side)) == ("waiting", [500])

    def test_does_not_use_up_what_may_be_given_back_alone(
        self, operator: Client, lead: Client, order: Order, stripe_side: SimulatedStripe
    ) -> None:
        refund(operator, order, "10.50")
        decide(lead, order)
        refund(operator, order, "8.00")
        assert given(stripe_side) == [1050, 800]

    def test_that_stripe_did_not_answer_is_made_when_it_is_asked_again(
        self, lead: Client, asked: Order, stripe_side: SimulatedStripe
    ) -> None:
        stripe_side.order_fault("timeout_after", "POST /v1/refunds", seconds=1)
        [said] = decide(lead, asked)
        assert said.startswith("Stripe did not answer.")
        assert decide(lead, asked) == ["The refund was approved, and Stripe accepted it."]
        assert given(stripe_side) == [1850]

    def test_of_nothing_is_refused(self, lead: Client, order: Order) -> None:
        answer = lead.post(address(order, "approve", uuid4()), follow=True)
        assert [str(message) for message in answer.context["messages"]] == [
            "This can't be decided: no such approval was asked for."
        ]
