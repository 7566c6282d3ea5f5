import pytest
import requests
import stripe

from simulator.payments import SETTLING_SECONDS
from simulator.tests.running import CARD, Receiver, Shop, encode_form, session_params, wait_until

COMPLETED = "checkout.session.completed"


def charges(shop: Shop) -> list[stripe.Charge]:
    return shop.stripe.v1.charges.list().data


class TestPayingByCard:
    def test_a_good_card_leads_back_to_the_shop_with_everything_paid(self, shop: Shop) -> None:
        session = shop.open_session(metadata={"order_id": "7"}, payment_intent_data={"metadata": {"order_id": "8"}})
        answer = shop.pay(session)
        assert (answer.status_code, answer.headers["Location"]) == (303, f"http://shop.test/done?session={session.id}")
        paid = shop.stripe.v1.checkout.sessions.retrieve(session.id, {"expand": ["payment_intent.latest_charge"]})
        assert (paid.status, paid.payment_status, paid.url) == ("complete", "paid", None)
        assert paid.customer_details
        assert paid.customer_details.email == CARD["email"]
        intent = paid.payment_intent
        assert isinstance(intent, stripe.PaymentIntent)
        assert (intent.status, intent.amount_received, intent.metadata["order_id"]) == ("succeeded", 2000, "8")
        charge = intent.latest_charge
        assert isinstance(charge, stripe.Charge)
        assert (charge.status, charge.amount_captured, charge.metadata["order_id"]) == ("succeeded", 2000, "8")
        assert paid.metadata
        assert paid.metadata["order_id"] == "7"

    def test_the_events_come_in_the_order_of_what_happened(self, shop: Shop) -> None:
        shop.pay(shop.open_session())
        assert shop.event_types() == [
            "payment_intent.created",
            "charge.succeeded",
            "payment_intent.succeeded",
            "checkout.session.completed",
        ]

    @pytest.mark.parametrize(
        ("number", "decline_code", "message"),
        [
            ("4000000000000002", "generic_decline", "Your card was declined."),
            ("4000000000009995", "insufficient_funds", "Your card has insufficient funds."),
        ],
    )
    def test_a_declined_card_leaves_a_failed_attempt_and_another_try(
        self, shop: Shop, number: str, decline_code: str, message: str
    ) -> None:
        session = shop.open_session()
        declined = shop.pay(session, card_number=number)
        assert (declined.status_code, message in declined.text) == (402, True)
        [intent] = shop.stripe.v1.payment_intents.list().data
        assert intent.status == "requires_payment_method"
        assert intent.last_payment_error
        assert intent.last_payment_error.decline_code == decline_code
        assert shop.pay(session).status_code == 303
        assert [charge.status for charge in charges(shop)] == ["succeeded", "failed"]
        assert shop.event_types()[:3] == ["payment_intent.created", "charge.failed", "payment_intent.payment_failed"]
        assert len(shop.stripe.v1.payment_intents.list().data) == 1

    def test_events_keep_what_the_object_was_then(self, shop: Shop) -> None:
        session = shop.open_session()
        shop.pay(session, card_number="4000000000000002")
        shop.pay(session)
        [failed] = shop.stripe.v1.events.list({"type": "payment_intent.payment_failed"}).data
        assert failed.data.object["status"] == "requires_payment_method"

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("card_number", "4242424242424241"),
            ("card_number", ""),
            ("exp", "01/20"),
            ("exp", "13/40"),
            ("cvc", "12"),
            ("email", "ada"),
        ],
    )
    def test_a_slip_is_shown_and_nothing_is_attempted(self, shop: Shop, field: str, value: str) -> None:
        answer = shop.pay(shop.open_session(), **{field: value})
        assert (answer.status_code, f'id="{field}-problem"' in answer.text) == (422, True)
        assert not shop.event_types()

    def test_paying_twice_charges_once(self, shop: Shop) -> None:
        session = shop.open_session()
        shop.pay(session)
        again = shop.pay(session)
        assert (again.status_code, "all done" in again.text) == (200, True)
        assert len(charges(shop)) == 1

    def test_the_dispute_card_pays(self, shop: Shop) -> None:
        assert shop.pay(shop.open_session(), card_number="4000000000000259").status_code == 303

    def test_nothing_to_pay_makes_no_payment_intent(self, shop: Shop) -> None:
        session = shop.open_session(0)
        assert shop.pay(session, card_number="", exp="", cvc="").status_code == 303
        done = shop.stripe.v1.checkout.sessions.retrieve(session.id)
        assert (done.status, done.payment_status, done.payment_intent) == ("complete", "no_payment_required", None)


class TestPayingLater:
    def test_the_session_completes_unpaid_and_is_paid_when_it_settles(self, shop: Shop) -> None:
        session = shop.open_session()
        assert requests.post(session.url, {"async": "1"}, allow_redirects=False, timeout=5).status_code == 303  # type: ignore[arg-type]
        unpaid = shop.stripe.v1.checkout.sessions.retrieve(session.id, {"expand": ["payment_intent"]})
        assert (unpaid.status, unpaid.payment_status) == ("complete", "unpaid")
        assert isinstance(unpaid.payment_intent, stripe.PaymentIntent)
        assert unpaid.payment_intent.status == "processing"
        assert [charge.status for charge in charges(shop)] == ["pending"]

        shop.simulator.control("POST", "advance", seconds=SETTLING_SECONDS - 60)
        assert shop.stripe.v1.checkout.sessions.retrieve(session.id).payment_status == "unpaid"
        shop.simulator.control("POST", "advance", seconds=60)
        assert shop.stripe.v1.checkout.sessions.retrieve(session.id).payment_status == "paid"
        assert [charge.status for charge in charges(shop)] == ["succeeded"]
        assert shop.event_types() == [
            "payment_intent.created",
            "charge.pending",
            "payment_intent.processing",
            "checkout.session.completed",
            "charge.succeeded",
            "payment_intent.succeeded",
            "checkout.session.async_payment_succeeded",
        ]

    def test_it_may_fail_instead(self, shop: Shop) -> None:
        session = shop.open_session()
        assert shop.pay(session, **{"async": "fail"}).status_code == 303
        shop.simulator.control("POST", "advance", seconds=SETTLING_SECONDS)
        unpaid = shop.stripe.v1.checkout.sessions.retrieve(session.id, {"expand": ["payment_intent"]})
        assert (unpaid.status, unpaid.payment_status) == ("complete", "unpaid")
        intent = unpaid.payment_intent
        assert isinstance(intent, stripe.PaymentIntent)
        assert (intent.status, intent.amount_received) == ("requires_payment_method", 0)
        assert intent.last_payment_error
        assert intent.last_payment_error.code == "insufficient_funds"
        [charge] = charges(shop)
        assert (charge.status, charge.failure_code, charge.balance_transaction) == (
            "failed",
            "insufficient_funds",
            None,
        )
        assert shop.event_types()[-3:] == [
            "charge.failed",
            "payment_intent.payment_failed",
            "checkout.session.async_payment_failed",
        ]


class TestTheHostedPage:
    def test_it_escapes_names_and_shows_the_total(self, shop: Shop) -> None:
        price = {"currency": "jpy", "unit_amount": 1500, "product_data": {"name": "<script>Tea</script>"}}
        session = shop.open_session(line_items=[{"price_data": price, "quantity": 2}])
        page = requests.get(str(session.url), timeout=5)
        assert "&lt;script&gt;Tea" in page.text
        assert "<script" not in page.text
        assert "¥3,000" in page.text
        assert "Simulated Stripe" in page.text

    def test_its_policy_admits_the_way_back_and_no_script(self, shop: Shop) -> None:
        session = shop.open_session(cancel_url="https://basket.test/x", success_url="http://127.0.0.1:8000/order/1")
        policy = requests.get(str(session.url), timeout=5).headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "form-action 'self' http://127.0.0.1:8000 https://basket.test;" in policy
        assert "unsafe" not in policy

    def test_cancel_leads_back_and_leaves_the_session_open(self, shop: Shop) -> None:
        session = shop.open_session()
        answer = shop.pay(session, cancel="1")
        assert (answer.status_code, answer.headers["Location"]) == (303, "http://shop.test/basket")
        assert shop.stripe.v1.checkout.sessions.retrieve(session.id).status == "open"

    def test_without_a_cancel_url_there_is_no_cancel(self, shop: Shop) -> None:
        params = session_params()
        del params["cancel_url"]
        url = shop.request("POST", "/v1/checkout/sessions", data=encode_form(params)).json()["url"]
        assert 'name="cancel"' not in requests.get(url, timeout=5).text

    def test_an_unknown_session_is_not_found(self, shop: Shop) -> None:
        assert requests.get(f"{shop.simulator.url}/c/pay/cs_test_none", timeout=5).status_code == 404

    def test_its_stylesheet_is_served(self, shop: Shop) -> None:
        answer = requests.get(f"{shop.simulator.url}/c/assets/checkout.css", timeout=5)
        assert answer.headers["Content-Type"].startswith("text/css")


class TestPaymentIntents:
    def test_the_intent_of_a_checkout_cannot_be_canceled(self, shop: Shop) -> None:
        shop.pay(shop.open_session(), card_number="4000000000000002")
        [intent] = shop.stripe.v1.payment_intents.list().data
        with pytest.raises(stripe.InvalidRequestError, match="Expire the Checkout Session"):
            shop.stripe.v1.payment_intents.cancel(intent.id)

    def test_charges_are_found_by_their_intent(self, shop: Shop) -> None:
        shop.pay(shop.open_session())
        shop.pay(shop.open_session())
        newest = shop.stripe.v1.payment_intents.list({"limit": 1}).data[0]
        [charge] = shop.stripe.v1.charges.list({"payment_intent": newest.id}).data
        assert shop.stripe.v1.charges.retrieve(charge.id).payment_intent == newest.id


class TestEvents:
    def test_they_page_in_both_directions(self, shop: Shop) -> None:
        for _ in range(3):
            shop.buy()
        events = shop.stripe.v1.events
        newest_first = [event.id for event in events.list({"limit": 100}).data]
        assert len(newest_first) == 12
        assert [event.id for event in events.list({"limit": 5}).auto_paging_iter()] == newest_first
        after = events.list({"limit": 4, "starting_after": newest_first[3]})
        assert ([event.id for event in after.data], after.has_more) == (newest_first[4:8], True)
        before = events.list({"limit": 4, "ending_before": newest_first[6]})
        assert ([event.id for event in before.data], before.has_more) == (newest_first[2:6], True)
        assert not events.list({"ending_before": newest_first[0]}).data

    def test_a_cursor_walks_forward_through_what_is_new(self, shop: Shop) -> None:
        shop.buy()
        cursor = shop.stripe.v1.events.list({"limit": 1}).data[0].id
        shop.buy()
        new = shop.stripe.v1.events.list({"ending_before": cursor, "limit": 2})
        seen = [event.type for event in new.auto_paging_iter()]
        assert seen == ["payment_intent.created", "charge.succeeded", "payment_intent.succeeded", COMPLETED]

    def test_they_are_filtered_by_time(self, shop: Shop) -> None:
        shop.buy()
        shop.simulator.control("POST", "advance", seconds=3600)
        shop.buy()
        events = shop.stripe.v1.events
        newest, oldest = events.list({"limit": 1}).data[0].created, events.list().data[-1].created
        assert len(events.list({"created": {"gte": newest - 60}}).data) == 4
        assert len(events.list({"created": {"lte": oldest + 60}}).data) == 4
        assert len(events.list({"created": {"gte": oldest}, "types": [COMPLETED, "charge.succeeded"]}).data) == 4

    def test_what_no_endpoint_took_is_found(self, shop: Shop, receiver: Receiver) -> None:
        shop.simulator.control("POST", "faults", fault="webhook_drop", match="charge.*", key=shop.key)
        shop.buy()
        events = shop.stripe.v1.events
        wait_until(lambda: len(events.list({"delivery_success": True}).data) == 3)
        assert [event.type for event in events.list({"delivery_success": False}).data] == ["charge.succeeded"]

    def test_they_are_filtered_by_type_and_glob(self, shop: Shop) -> None:
        shop.pay(shop.open_session())
        events = shop.stripe.v1.events
        assert [event.type for event in events.list({"type": "charge.*"}).data] == ["charge.succeeded"]
        both = events.list({"types": ["charge.succeeded", "checkout.session.completed"]}).data
        assert [event.type for event in both] == ["checkout.session.completed", "charge.succeeded"]

    def test_they_are_gone_after_thirty_days(self, shop: Shop) -> None:
        shop.pay(shop.open_session())
        [newest] = shop.stripe.v1.events.list({"limit": 1}).data
        shop.simulator.control("POST", "advance", seconds=30 * 24 * 60 * 60)
        assert shop.stripe.v1.events.list().data == []
        with pytest.raises(stripe.InvalidRequestError):
            shop.stripe.v1.events.retrieve(newest.id)

    def test_they_say_which_request_caused_them(self, shop: Shop) -> None:
        session = shop.open_session()
        shop.stripe.v1.checkout.sessions.expire(session.id, options={"idempotency_key": "expire-1"})
        [event] = shop.stripe.v1.events.list().data
        assert event["request"]["idempotency_key"] == "expire-1"
        assert event.api_version == "2026-08-26.dahlia"


def test_the_account_is_named_after_its_key(shop: Shop) -> None:
    account = shop.request("GET", "/v1/account").json()
    assert account["id"].startswith("acct_")
    assert account == shop.request("GET", "/v1/account").json()
