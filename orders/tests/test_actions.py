"""What staff do to an order in the admin: asked first, done by a service in their name, told what came of it."""

from html import unescape
from typing import Any
from uuid import uuid4

import pytest
from django.conf import LazySettings
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils.html import strip_tags

from core.eventlog import provenance
from core.models import Event
from core.tests.streams import draft_order
from orders.admin.refund_form import read_amount
from orders.events import OrderAttentionRaised
from orders.models import Attention, Item, Order
from orders.projections import OrderAggregate
from orders.tests.shopping import buy, deliver_all, paid_twice
from tests.simulated import SimulatedStripe

pytestmark = pytest.mark.django_db(transaction=True)


def page_of(order: Order) -> str:
    return f"/admin/orders/order/{order.pk}/change/"


def address(order: Order, action: str) -> str:
    return f"/admin/orders/order/{order.pk}/{action}/"


def offered(page: Any) -> list[str]:
    return [offer.title for offer in page.context["offers"]]


def text_of(page: Any) -> str:
    """What stands on it, without its markup."""
    return unescape(strip_tags(page.content.decode()))


def intents_of(order: Order) -> list[str]:
    """The newest first."""
    charges = order.payments.filter(source="charge").order_by("-updated_at")
    return [charge.payment_intent for charge in charges]


def messages_of(page: Any) -> list[str]:
    return [str(message) for message in page.context["messages"]]


def bought(shopper: Client, item: Item) -> Order:
    return Order.objects.get(pk=buy(shopper, item)["order_id"])


@pytest.fixture
def viewer() -> Client:
    """Staff who may look at orders, and not change them."""
    user = User.objects.create_user("viewer", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_order"))
    browser = Client()
    browser.force_login(user)
    return browser


@pytest.fixture
def paid(shopper: Client, mug: Item, stripe_side: SimulatedStripe) -> Order:
    order = bought(shopper, mug)
    stripe_side.pay(order.checkouts.get().url)
    deliver_all(shopper, stripe_side)
    return Order.objects.get(pk=order.pk)


@pytest.fixture
def overpaid(shopper: Client, mug: Item, stripe_side: SimulatedStripe) -> Order:
    """$30.00 and $25.00 for $18.50."""
    return paid_twice(shopper, mug, stripe_side, amounts=(3000, 2500))


class TestEveryAction:
    @pytest.mark.parametrize("action", ["cancel", "refund", "return_surplus", "looked_at"])
    def test_needs_the_permission_to_act_on_orders(self, viewer: Client, mug: Item, action: str) -> None:
        order = draft_order(mug).root
        assert viewer.get(address(order, action)).status_code == 403
        assert viewer.post(address(order, action)).status_code == 403

    @pytest.mark.parametrize("action", ["cancel", "refund", "return_surplus", "looked_at"])
    @pytest.mark.parametrize("number", [9, 10**20])
    def test_of_an_order_that_is_none_is_404(self, admin_client: Client, action: str, number: int) -> None:
        assert admin_client.post(f"/admin/orders/order/{number}/{action}/").status_code == 404

    def test_is_offered_where_it_can_be_taken(
        self, admin_client: Client, viewer: Client, mug: Item, overpaid: Order
    ) -> None:
        draft = draft_order(mug).root
        assert offered(admin_client.get(page_of(draft))) == ["Cancel order"]
        assert offered(admin_client.get(page_of(overpaid))) == ["Return surplus", "Refund", "Revoke links"]
        assert offered(viewer.get(page_of(overpaid))) == offered(viewer.get(page_of(draft))) == []


class TestARefund:
    def form(self, order: Order, **fields: str) -> dict[str, str]:
        [intent] = set(order.payments.values_list("payment_intent", flat=True))
        return {"payment": intent, "amount": "5", "reason": "duplicate", "call_id": str(uuid4()), **fields}

    def test_asks_first_and_says_in_one_sentence_what_will_happen(self, admin_client: Client, paid: Order) -> None:
        assert address(paid, "refund") in admin_client.get(page_of(paid)).content.decode()
        page = admin_client.get(address(paid, "refund"))
        intent = paid.payments.get(source="charge").payment_intent
        said = " ".join(text_of(page).split())
        assert f"18.50 USD goes back to the shopper, which can't be undone, from payment {intent}." in said
        assert page.context["form"]["amount"].value() == "18.50"
        assert not Event.objects.filter(kind="order.refund_requested").exists()

    def test_is_made_by_the_service_in_the_name_of_who_is_logged_in(
        self, admin_client: Client, admin_user: User, paid: Order, stripe_side: SimulatedStripe
    ) -> None:
        answer = admin_client.post(address(paid, "refund"), self.form(paid, amount=" 5.25 "), follow=True)
        assert messages_of(answer) == ["Stripe accepted the refund of $5.25."]
        [refund] = stripe_side.objects("refund")
        assert (refund["amount"], refund["reason"]) == (525, "duplicate")
        assert Event.objects.get(kind="order.refund_requested").actor == f"staff:{admin_user.pk}"
        assert Order.objects.get().state == "partially_refunded"

    def test_that_is_sent_twice_is_made_once(
        self, admin_client: Client, paid: Order, stripe_side: SimulatedStripe
    ) -> None:
        form = self.form(paid, amount="18.50")
        for _ in range(2):
            answer = admin_client.post(address(paid, "refund"), form, follow=True)
            assert messages_of(answer) == ["Stripe accepted the refund of $18.50."]
        assert len(stripe_side.objects("refund")) == 1

    def test_that_is_changed_and_sent_under_the_same_id_is_refused(
        self, admin_client: Client, paid: Order, stripe_side: SimulatedStripe
    ) -> None:
        form = self.form(paid)
        admin_client.post(address(paid, "refund"), form)
        answer = admin_client.post(address(paid, "refund"), form | {"amount": "6"})
        assert "another refund was asked for under the same id" in text_of(answer)
        assert [refund["amount"] for refund in stripe_side.objects("refund")] == [500]

    @pytest.mark.parametrize(
        ("amount", "problem"),
        [
            ("", "This field is required."),
            ("all of it", "Write the amount in figures, without a currency or commas, such as 18.50."),
            ("5,25", "Write the amount in figures, without a currency or commas, such as 18.50."),
            ("-5", "Write the amount in figures, without a currency or commas, such as 18.50."),
            ("5.255", "An amount in USD has at most 2 decimals."),
            ("0.00", "Nothing would be given back."),
        ],
    )
    def test_of_an_amount_that_is_none_loses_nothing_that_was_written(
        self, admin_client: Client, paid: Order, stripe_side: SimulatedStripe, amount: str, problem: str
    ) -> None:
        page = admin_client.post(address(paid, "refund"), self.form(paid, amount=amount))
        form = page.context["form"]
        assert form.errors["amount"] == [problem]
        assert (form["amount"].value(), form["reason"].value()) == (amount, "duplicate")
        assert not stripe_side.objects("refund")

    def test_of_more_than_is_left_says_how_much_that_is_and_can_be_tried_again(
        self, admin_client: Client, paid: Order, stripe_side: SimulatedStripe
    ) -> None:
        form = self.form(paid, amount="18.51")
        page = admin_client.post(address(paid, "refund"), form)
        assert "This can't be refunded: $18.50 is left of this payment." in text_of(page)
        assert page.context["form"]["amount"].value() == "18.51"
        assert page.context["form"]["call_id"].value() != form["call_id"]
        assert page.context["form"]["payment"].value() == form["payment"]

    def test_that_stripe_refuses_says_so_and_can_be_tried_again(
        self, admin_client: Client, paid: Order, stripe_side: SimulatedStripe
    ) -> None:
        stripe_side.dispute(stripe_side.objects("charge")[-1]["id"])
        form = self.form(paid)
        page = admin_client.post(address(paid, "refund"), form)
        assert "Stripe refused the refund (charge disputed): nothing was given back by it." in text_of(page)
        assert page.context["form"]["call_id"].value() != form["call_id"]

    def test_that_stripe_does_not_answer_may_still_be_made(
        self, admin_client: Client, paid: Order, stripe_side: SimulatedStripe
    ) -> None:
        stripe_side.order_fault("timeout_after", "POST /v1/refunds", seconds=1)
        answer = admin_client.post(address(paid, "refund"), self.form(paid, amount="18.50"), follow=True)
        [said] = messages_of(answer)
        assert said.startswith("Stripe did not answer. The refund may still be made")
        assert offered(answer) == ["Revoke links"]
        assert "Nothing can be refunded: what came in is on its way back." in text_of(answer)

    def test_is_of_the_payment_that_was_chosen(
        self, admin_client: Client, overpaid: Order, stripe_side: SimulatedStripe
    ) -> None:
        form = admin_client.get(address(overpaid, "refund")).context["form"]
        assert [label.split(" left of ")[0] for _, label in form.fields["payment"].choices] == ["$25.00", "$30.00"]
        (_, _), (older, _) = form.fields["payment"].choices
        fields = {"payment": older, "amount": "30", "reason": "surplus", "call_id": str(uuid4())}
        admin_client.post(address(overpaid, "refund"), fields)
        [refund] = stripe_side.objects("refund")
        assert (refund["payment_intent"], refund["amount"], refund["reason"]) == (older, 3000, None)

    def test_of_money_that_can_not_be_counted_is_in_its_own_currency(
        self, admin_client: Client, shopper: Client, mug: Item, stripe_side: SimulatedStripe
    ) -> None:
        order = bought(shopper, mug)
        stripe_side.distort(order.checkouts.get().session_id, currency="jpy")
        stripe_side.pay(order.checkouts.get().url)
        deliver_all(shopper, stripe_side)
        form = admin_client.get(address(order, "refund")).context["form"]
        assert (form["amount"].value(), form["reason"].value()) == ("1850", "surplus")
        admin_client.post(address(order, "refund"), self.form(order, amount="1850"))
        assert [(one["amount"], one["currency"]) for one in stripe_side.objects("refund")] == [(1850, "jpy")]
        assert Order.objects.get().attention == []

    def test_is_not_offered_where_the_page_says_why(
        self, admin_client: Client, viewer: Client, mug: Item, paid: Order, settings: LazySettings
    ) -> None:
        assert "Nothing can be refunded" not in text_of(admin_client.get(page_of(paid)))
        assert "You may not act on orders." in text_of(viewer.get(page_of(paid)))
        draft = page_of(draft_order(mug).root)
        assert "Nothing can be refunded: no money came in." in text_of(admin_client.get(draft))
        admin_client.post(address(paid, "refund"), self.form(paid, amount="18.50"))
        assert "Nothing can be refunded: all that came in was given back." in text_of(admin_client.get(page_of(paid)))
        answer = admin_client.get(address(paid, "refund"), follow=True)
        assert messages_of(answer) == ["Nothing can be refunded: all that came in was given back."]

    def test_of_an_account_that_is_gone_is_not_offered(
        self, admin_client: Client, paid: Order, settings: LazySettings
    ) -> None:
        settings.STRIPE_ACCOUNTS = {"euro": settings.STRIPE_ACCOUNTS["euro"]}
        page = admin_client.get(page_of(paid))
        assert offered(page) == ["Revoke links"]
        assert "Nothing can be refunded: account default is not in the settings." in text_of(page)
        answer = admin_client.post(address(paid, "refund"), self.form(paid))
        assert "handled by an account that is no longer in use" in text_of(answer)
        assert not Event.objects.filter(kind="order.refund_requested").exists()


class TestAnAmount:
    @pytest.mark.parametrize(
        ("written", "currency", "minor"),
        [("18.5", "usd", 1850), ("18", "usd", 1800), ("1850", "jpy", 1850), ("1.05", "kwd", 1050), ("7", "isk", 700)],
    )
    def test_is_read_as_people_write_it(self, written: str, currency: str, minor: int) -> None:
        assert read_amount(written, currency) == minor


class TestReturningSurplus:
    def form(self, client: Client, order: Order) -> dict[str, str]:
        context = client.get(address(order, "return_surplus")).context
        return {"amount": str(context["amount"]), "call_id": str(context["call_id"])}

    def test_asks_first_and_says_in_one_sentence_what_will_happen(self, admin_client: Client, overpaid: Order) -> None:
        newer, older = intents_of(overpaid)
        page = admin_client.get(address(overpaid, "return_surplus"))
        assert (
            "$36.50 goes back to the shopper, which can't be undone: "
            f"$25.00 from payment {newer}, $11.50 from payment {older}."
        ) in " ".join(text_of(page).split())

    def test_gives_all_of_it_back_over_as_many_payments_as_it_takes(
        self, admin_client: Client, admin_user: User, overpaid: Order, stripe_side: SimulatedStripe
    ) -> None:
        form = self.form(admin_client, overpaid)
        for _ in range(2):
            answer = admin_client.post(address(overpaid, "return_surplus"), form, follow=True)
            assert messages_of(answer) == ["Stripe accepted the refund of the surplus, $36.50."]
        assert sorted(refund["amount"] for refund in stripe_side.objects("refund")) == [1150, 2500]
        order = Order.objects.get()
        assert (order.state, order.surplus, order.attention) == ("paid", 0, [])
        actors = Event.objects.filter(kind="order.refund_requested").values_list("actor", flat=True)
        assert list(actors) == [f"staff:{admin_user.pk}"] * 2

    def test_is_asked_again_when_it_has_become_another(
        self, admin_client: Client, overpaid: Order, stripe_side: SimulatedStripe
    ) -> None:
        form = self.form(admin_client, overpaid)
        answer = admin_client.post(address(overpaid, "return_surplus"), form | {"amount": "1"}, follow=True)
        assert messages_of(answer) == ["This can't be refunded: the surplus is $36.50 now."]
        assert not stripe_side.objects("refund")

    @pytest.mark.parametrize("form", [{}, {"amount": "much", "call_id": "x"}])
    def test_is_asked_again_when_the_form_is_broken(
        self, admin_client: Client, overpaid: Order, form: dict[str, str]
    ) -> None:
        answer = admin_client.post(address(overpaid, "return_surplus"), form)
        assert answer["Location"] == address(overpaid, "return_surplus")

    def test_where_there_is_none_says_so(self, admin_client: Client, paid: Order) -> None:
        answer = admin_client.get(address(paid, "return_surplus"), follow=True)
        assert messages_of(answer) == ["There is no surplus to return."]

    def test_of_which_stripe_refuses_one_part_gives_the_other_back(
        self, admin_client: Client, overpaid: Order, stripe_side: SimulatedStripe
    ) -> None:
        newer, _ = intents_of(overpaid)
        [charge] = [one for one in stripe_side.objects("charge") if one["payment_intent"] == newer]
        stripe_side.dispute(charge["id"])
        form = self.form(admin_client, overpaid)
        answer = admin_client.post(address(overpaid, "return_surplus"), form, follow=True)
        assert messages_of(answer) == ["Stripe refused the refund (charge disputed): nothing was given back by it."]
        assert [refund["amount"] for refund in stripe_side.objects("refund")] == [1150]


class TestAReasonToLook:
    def raised(self, mug: Item, *reasons: str) -> Order:
        order = draft_order(mug).root
        with provenance.acting("system:test"), OrderAggregate.locked(order.pk) as locked:
            locked.record(*(OrderAttentionRaised(reason=reason) for reason in reasons))
        return order

    def test_that_does_not_go_with_the_sums_is_cleared_by_a_person(
        self, admin_client: Client, admin_user: User, mug: Item
    ) -> None:
        order = self.raised(mug, "quote_mismatched", "surplus")
        assert "Looked at it" in text_of(admin_client.get(page_of(order)))
        asked = text_of(admin_client.get(address(order, "looked_at"), {"reason": "quote_mismatched"}))
        assert f"Order {order.pk} will no longer be listed because Stripe would have charged" in asked
        assert admin_client.get(address(order, "looked_at"), {"reason": "surplus"}).status_code == 302
        for _ in range(2):
            answer = admin_client.post(address(order, "looked_at"), {"reason": "quote_mismatched"}, follow=True)
            assert messages_of(answer) == []
        assert Order.objects.get().attention == ["surplus"]
        assert Event.objects.get(kind="order.attention_cleared").actor == f"staff:{admin_user.pk}"
        assert "Looked at it" not in text_of(answer)

    def test_that_follows_from_the_sums_goes_by_itself(self, admin_client: Client, viewer: Client, mug: Item) -> None:
        order = self.raised(mug, "surplus")
        page = text_of(admin_client.get(page_of(order)))
        assert "more money came in than is due. This goes by itself once it is settled." in page
        assert "Looked at it" not in page
        answer = admin_client.post(address(order, "looked_at"), {"reason": "surplus"}, follow=True)
        assert messages_of(answer) == ["This can't be cleared: it goes by itself once the money is right."]
        assert Order.objects.get().attention == ["surplus"]

    def test_is_not_cleared_by_who_may_only_look(self, viewer: Client, mug: Item) -> None:
        page = text_of(viewer.get(page_of(self.raised(mug, Attention.QUOTE_MISMATCHED))))
        assert "another amount than we quoted" in page
        assert "Looked at it" not in page


class TestCanceling:
    def test_asks_first_and_says_what_will_happen(self, admin_client: Client, shopper: Client, mug: Item) -> None:
        order = bought(shopper, mug)
        address = f"/admin/orders/order/{order.pk}/cancel/"
        assert address in admin_client.get(page_of(order)).content.decode()
        page = admin_client.get(address).content.decode()
        assert f"Order {order.pk} for $18.50 will be canceled for good" in page
        assert "its open checkout is closed at Stripe first" in page
        assert Order.objects.get().state == "pending"

    def test_is_done_by_the_service_in_the_name_of_who_is_logged_in(
        self, admin_client: Client, admin_user: User, shopper: Client, mug: Item, stripe_side: SimulatedStripe
    ) -> None:
        admin_user.first_name, admin_user.last_name = "Ada", "Quist"
        admin_user.save()
        order = bought(shopper, mug)
        for _ in range(2):
            answer = admin_client.post(f"/admin/orders/order/{order.pk}/cancel/", follow=True)
        assert answer.content.decode().count(f"Order {order.pk} is canceled.") == 1
        assert Order.objects.get().state == "canceled"
        assert [session["status"] for session in stripe_side.objects("checkout.session")] == ["expired"]
        assert Event.objects.get(kind="order.canceled").actor == f"staff:{admin_user.pk}"
        last = answer.context["timeline"][-1]
        assert (last.sentence, last.actor) == ("The order was canceled by staff", "Ada Quist")
        assert offered(answer) == ["Revoke links"]

    def test_shows_why_it_is_refused(self, admin_client: Client, paid: Order) -> None:
        answer = admin_client.post(address(paid, "cancel"), follow=True)
        assert messages_of(answer) == ["This order can't be canceled: it is paid."]
        assert Order.objects.get().state == "paid"

    def test_needs_a_csrf_token(self, admin_user: User, mug: Item) -> None:
        order = draft_order(mug).root
        browser = Client(enforce_csrf_checks=True)
        browser.force_login(admin_user)
        assert browser.post(f"/admin/orders/order/{order.pk}/cancel/").status_code == 403
        assert Order.objects.get().state == "draft"
