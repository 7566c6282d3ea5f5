"""PaymentIntents without a Checkout Session, confirmed as Stripe.js does."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
import stripe

from simulator.payments import SETTLING_SECONDS
from simulator.tests.running import Shop, encode_form

AUTHENTICATES = "4000002500003155"


def refusal(shop: Shop, **params: Any) -> tuple[str | None, str | None]:
    """Param and code."""
    response = shop.request(
        "POST", "/v1/payment_intents", data=encode_form({"amount": 2000, "currency": "usd"} | params)
    )
    assert response.status_code == 400, response.text
    error = response.json()["error"]
    return error.get("param"), error.get("code")


class TestCreating:
    def test_it_waits_for_a_payment_method_and_knows_its_secret(self, shop: Shop) -> None:
        intent = shop.open_intent(
            automatic_payment_methods={"enabled": True}, metadata={"order_id": "7"}, description="Order 7"
        )
        assert (intent.status, intent.amount, intent.currency) == ("requires_payment_method", 2000, "usd")
        assert str(intent.client_secret).startswith(f"{intent.id}_secret_")
        assert (intent.description, intent.metadata["order_id"]) == ("Order 7", "7")
        assert intent.payment_method_types == ["card", "us_bank_account"]
        assert intent.automatic_payment_methods
        assert intent.automatic_payment_methods.enabled
        assert shop.stripe.v1.payment_intents.retrieve(intent.id).client_secret == intent.client_secret
        assert shop.event_types() == ["payment_intent.created"]

    def test_methods_are_chosen_automatically_unless_they_are_named(self, shop: Shop) -> None:
        assert shop.open_intent(currency="eur").payment_method_types == ["card", "sepa_debit"]
        named = shop.open_intent(payment_method_types=["card"])
        assert (named.payment_method_types, named.automatic_payment_methods) == (["card"], None)
        assert refusal(shop, payment_method_types=["card"], automatic_payment_methods={"enabled": "true"}) == (
            None,
            "parameters_exclusive",
        )

    @pytest.mark.parametrize(
        ("params", "param", "code"),
        [
            ({"amount": 0}, "amount", "parameter_invalid_integer"),
            ({"amount": 49}, "amount", "amount_too_small"),
            ({"amount": 100_000_000}, "amount", "amount_too_large"),
            ({"amount": 12_345, "currency": "kwd"}, "amount", None),
            ({"currency": "U$"}, "currency", None),
            ({"metadata": {"x" * 41: "1"}}, "metadata", None),
            ({"colour": "red"}, "colour", "parameter_unknown"),
        ],
    )
    def test_what_stripe_refuses_is_refused(
        self, shop: Shop, params: dict[str, Any], param: str, code: str | None
    ) -> None:
        assert refusal(shop, **params) == (param, code)

    def test_what_is_not_simulated_is_said(self, shop: Shop) -> None:
        response = shop.request(
            "POST", "/v1/payment_intents", data={"amount": 2000, "currency": "usd", "confirm": "true"}
        )
        assert (response.status_code, "confirm" in response.text) == (501, True)


class TestPayingByCard:
    def test_a_good_card_pays(self, shop: Shop) -> None:
        intent = shop.open_intent(metadata={"order_id": "7"})
        email = {"payment_method_data[billing_details][email]": "ada@example.com"}
        assert shop.confirm(intent, **email)["status"] == "succeeded"
        paid = shop.stripe.v1.payment_intents.retrieve(intent.id, {"expand": ["latest_charge"]})
        assert (paid.status, paid.amount_received) == ("succeeded", 2000)
        charge = paid.latest_charge
        assert isinstance(charge, stripe.Charge)
        assert (charge.status, charge.metadata["order_id"]) == ("succeeded", "7")
        assert charge.billing_details.email == "ada@example.com"
        assert shop.event_types() == ["payment_intent.created", "charge.succeeded", "payment_intent.succeeded"]

    @pytest.mark.parametrize(
        ("number", "decline_code", "message"),
        [
            ("4000000000000002", "generic_decline", "Your card was declined."),
            ("4000000000009995", "insufficient_funds", "Your card has insufficient funds."),
        ],
    )
    def test_a_declined_card_is_told_in_stripes_words_and_another_may_pay(
        self, shop: Shop, number: str, decline_code: str, message: str
    ) -> None:
        intent = shop.open_intent()
        error = shop.confirm(intent, number)["error"]
        assert (error["type"], error["code"], error["decline_code"]) == ("card_error", "card_declined", decline_code)
        assert (error["message"], error["payment_intent"]["status"]) == (message, "requires_payment_method")
        assert error["charge"].startswith("ch_")
        assert shop.confirm(intent)["status"] == "succeeded"
        assert shop.event_types()[1:] == [
            "charge.failed",
            "payment_intent.payment_failed",
            "charge.succeeded",
            "payment_intent.succeeded",
        ]
        assert shop.stripe.v1.payment_intents.retrieve(intent.id).last_payment_error is None

    @pytest.mark.parametrize(
        ("field", "value", "code"),
        [
            ("number", "4242", "incorrect_number"),
            ("number", "4111111111111111", "card_declined"),
            ("exp_month", "13", "invalid_expiry_month"),
            ("exp_year", "20", "invalid_expiry_year"),
            ("exp_year", "", "invalid_expiry_year"),
            ("cvc", "1", "invalid_cvc"),
        ],
    )
    def test_a_card_that_is_none_is_no_attempt(self, shop: Shop, field: str, value: str, code: str) -> None:
        answer = shop.confirm(shop.open_intent(), **{f"payment_method_data[card][{field}]": value})
        assert (answer["error"]["type"], answer["error"]["code"]) == ("card_error", code)
        assert shop.event_types() == ["payment_intent.created"]

    def test_what_is_paid_cannot_be_paid_again(self, shop: Shop) -> None:
        intent = shop.open_intent()
        shop.confirm(intent)
        error = shop.confirm(intent)["error"]
        assert (error["code"], error["payment_intent"]["status"]) == ("payment_intent_unexpected_state", "succeeded")
        assert len(shop.stripe.v1.charges.list().data) == 1

    def test_the_intent_of_a_checkout_is_paid_at_checkout_alone(self, shop: Shop) -> None:
        shop.pay(shop.open_session(), card_number="4000000000000002")
        [intent] = shop.stripe.v1.payment_intents.list().data
        assert shop.confirm(intent)["error"]["code"] == "payment_intent_unexpected_state"


class TestAuthentication:
    @pytest.mark.parametrize("number", [AUTHENTICATES, "4000000000003220"])
    def test_the_shopper_confirms_at_the_bank_and_comes_back(self, shop: Shop, number: str) -> None:
        intent = shop.open_intent()
        sent = shop.confirm(intent, number)
        assert (sent["status"], sent["next_action"]["type"]) == ("requires_action", "redirect_to_url")
        assert sent["next_action"]["redirect_to_url"]["return_url"] == "http://shop.test/order/7?x=1"
        page = requests.get(sent["next_action"]["redirect_to_url"]["url"], timeout=5)
        assert (page.status_code, "$20.00" in page.text) == (200, True)
        assert "form-action 'self' http://shop.test;" in page.headers["Content-Security-Policy"]
        back = urlsplit(shop.authenticate(sent))
        assert back._replace(query="").geturl() == "http://shop.test/order/7"
        assert parse_qs(back.query) == {
            "x": ["1"],
            "payment_intent": [intent.id],
            "payment_intent_client_secret": [intent.client_secret],
            "redirect_status": ["succeeded"],
        }
        paid = shop.stripe.v1.payment_intents.retrieve(intent.id)
        assert (paid.status, paid.next_action, paid.amount_received) == ("succeeded", None, 2000)
        assert shop.event_types() == [
            "payment_intent.created",
            "payment_intent.requires_action",
            "charge.succeeded",
            "payment_intent.succeeded",
        ]

    def test_who_fails_there_is_charged_nothing_and_may_try_again(self, shop: Shop) -> None:
        intent = shop.open_intent()
        back = shop.authenticate(shop.confirm(intent, AUTHENTICATES), "refuse")
        assert "redirect_status=failed" in back
        failed = shop.stripe.v1.payment_intents.retrieve(intent.id)
        assert (failed.status, failed.latest_charge) == ("requires_payment_method", None)
        assert failed.next_action is None
        assert failed.last_payment_error
        assert failed.last_payment_error.code == "payment_intent_authentication_failure"
        assert shop.event_types()[-1] == "payment_intent.payment_failed"
        assert shop.confirm(intent)["status"] == "succeeded"

    def test_the_bank_may_confirm_and_the_issuer_decline(self, shop: Shop) -> None:
        intent = shop.open_intent()
        assert "redirect_status=failed" in shop.authenticate(shop.confirm(intent, "4000008400001629"))
        assert shop.event_types()[-2:] == ["charge.failed", "payment_intent.payment_failed"]

    def test_there_is_nothing_to_confirm_once_the_intent_is_canceled(self, shop: Shop) -> None:
        intent = shop.open_intent()
        url = shop.confirm(intent, AUTHENTICATES)["next_action"]["redirect_to_url"]["url"]
        canceled = shop.stripe.v1.payment_intents.cancel(intent.id)
        assert (canceled.status, canceled.next_action) == ("canceled", None)
        assert requests.get(url, timeout=5).status_code == 404
        assert requests.post(url, {"confirm": "1"}, timeout=5).status_code == 404
        assert shop.event_types()[-1] == "payment_intent.canceled"

    @pytest.mark.parametrize("return_url", ["", "order/7", "javascript:alert(1)"])
    def test_it_needs_somewhere_to_come_back_to(self, shop: Shop, return_url: str) -> None:
        error = shop.confirm(shop.open_intent(), AUTHENTICATES, return_url=return_url)["error"]
        assert error["param"] == "return_url"

    def test_the_hosted_page_sends_there_too(self, shop: Shop) -> None:
        session = shop.open_session()
        sent = shop.pay(session, card_number=AUTHENTICATES)
        [intent] = shop.stripe.v1.payment_intents.list().data
        assert (sent.status_code, intent.status) == (303, "requires_action")
        done = requests.post(sent.headers["Location"], {"confirm": "1"}, allow_redirects=False, timeout=5)
        assert done.headers["Location"] == f"http://shop.test/done?session={session.id}"
        paid = shop.stripe.v1.checkout.sessions.retrieve(session.id)
        assert (paid.status, paid.payment_status) == ("complete", "paid")
        assert paid.customer_details
        assert paid.customer_details.email == "ada@example.com"
        assert shop.event_types()[-3:] == ["charge.succeeded", "payment_intent.succeeded", "checkout.session.completed"]

    def test_the_hosted_page_says_that_it_failed(self, shop: Shop) -> None:
        session = shop.open_session()
        sent = shop.pay(session, card_number=AUTHENTICATES)
        failed = requests.post(sent.headers["Location"], {"refuse": "1"}, timeout=5)
        assert (failed.url, "unable to authenticate" in failed.text) == (session.url, True)
        assert shop.pay(session).status_code == 303
        assert shop.stripe.v1.checkout.sessions.retrieve(session.id).payment_status == "paid"


class TestPayingLater:
    DEBIT = {"payment_method_data[type]": "bank_debit"}

    def test_a_debit_is_processing_until_it_settles(self, shop: Shop) -> None:
        intent = shop.open_intent()
        assert shop.confirm(intent, **self.DEBIT)["status"] == "processing"
        shop.simulator.control("POST", "advance", seconds=SETTLING_SECONDS)
        assert shop.stripe.v1.payment_intents.retrieve(intent.id).status == "succeeded"
        assert shop.event_types() == [
            "payment_intent.created",
            "charge.pending",
            "payment_intent.processing",
            "charge.succeeded",
            "payment_intent.succeeded",
        ]

    def test_it_may_fail_and_be_tried_again(self, shop: Shop) -> None:
        intent = shop.open_intent()
        shop.confirm(intent, **self.DEBIT, **{"payment_method_data[bank_debit][fails]": "true"})
        shop.simulator.control("POST", "advance", seconds=SETTLING_SECONDS)
        assert shop.stripe.v1.payment_intents.retrieve(intent.id).status == "requires_payment_method"
        assert shop.event_types()[-2:] == ["charge.failed", "payment_intent.payment_failed"]
        assert shop.confirm(intent)["status"] == "succeeded"

    def test_what_is_processing_can_be_neither_canceled_nor_confirmed(self, shop: Shop) -> None:
        intent = shop.open_intent()
        shop.confirm(intent, **self.DEBIT)
        with pytest.raises(stripe.InvalidRequestError, match="status of processing"):
            shop.stripe.v1.payment_intents.cancel(intent.id)
        assert shop.confirm(intent)["error"]["code"] == "payment_intent_unexpected_state"


class TestCanceling:
    def test_it_is_over(self, shop: Shop) -> None:
        intent = shop.open_intent()
        canceled = shop.stripe.v1.payment_intents.cancel(intent.id, {"cancellation_reason": "abandoned"})
        assert (canceled.status, canceled.cancellation_reason) == ("canceled", "abandoned")
        assert shop.confirm(intent)["error"]["code"] == "payment_intent_unexpected_state"
        assert shop.event_types() == ["payment_intent.created", "payment_intent.canceled"]


class TestSearching:
    def test_by_one_key_of_the_metadata(self, shop: Shop) -> None:
        made = [shop.open_intent(metadata={"call_id": name}).id for name in ("a", "b", "b")]
        search = shop.stripe.v1.payment_intents.search
        assert [found.id for found in search({"query": "metadata['call_id']:'b'"}).data] == [made[2], made[1]]
        assert [found.id for found in search({"query": 'metadata["call_id"]:"a"'}).data] == [made[0]]
        first = search({"query": "metadata['call_id']:'b'", "limit": 1})
        assert (len(first.data), first.has_more) == (1, True)
        assert not search({"query": "metadata['order_id']:'b'"}).data

    def test_another_query_is_not_guessed_at(self, shop: Shop) -> None:
        assert shop.request("GET", "/v1/payment_intents/search?query=status:'succeeded'").status_code == 501


class TestPublishableKeys:
    def seen(self, shop: Shop, intent: stripe.PaymentIntent, key: str, secret: str | None = None) -> requests.Response:
        query = {"key": key, "client_secret": secret or str(intent.client_secret)}
        return requests.get(f"{shop.simulator.url}/js/payment_intents/{intent.id}", query, timeout=5)

    def test_it_sees_the_intent_without_what_is_the_shops(self, shop: Shop) -> None:
        answer = self.seen(shop, shop.open_intent(metadata={"order_id": "7"}), "pk_test_any")
        assert answer.json()["amount"] == 2000
        assert not answer.json().keys() & {"metadata", "latest_charge", "amount_received"}
        assert answer.headers["Access-Control-Allow-Origin"] == "*"

    @pytest.mark.parametrize("key", ["", "sk_test_any", "pk_prod_any", "pk_test_"])
    def test_another_sort_of_key_is_none(self, shop: Shop, key: str) -> None:
        answer = self.seen(shop, shop.open_intent(), key)
        assert (answer.status_code, "Invalid API Key" in answer.text) == (401, True)

    def test_a_key_of_the_other_mode_finds_nothing(self, shop: Shop) -> None:
        answer = self.seen(shop, shop.open_intent(), "pk_live_any")
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "resource_missing")

    def test_a_wrong_secret_finds_nothing(self, shop: Shop) -> None:
        intent = shop.open_intent()
        assert self.seen(shop, intent, "pk_test_any", f"{intent.id}_secret_guess").status_code == 404

    def test_an_account_that_told_its_key_takes_no_other(self, shop: Shop) -> None:
        other = Shop(shop.simulator, shop.key + "_other")
        mine = f"pk_test_{shop.key}"
        shop.simulator.control("POST", "accounts", key=shop.key, publishable_key=mine)
        intents = shop.open_intent(), other.open_intent()
        assert [self.seen(shop, intent, mine).status_code for intent in intents] == [200, 404]
        assert [self.seen(shop, intent, "pk_test_any").status_code for intent in intents] == [404, 200]
        other.close()
