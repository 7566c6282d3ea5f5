from typing import Any

import pytest
import stripe

from simulator.tests.running import Shop, encode_form, session_params


def refusal(shop: Shop, **params: Any) -> dict[str, Any]:
    response = shop.request("POST", "/v1/checkout/sessions", data=encode_form(session_params() | params))
    assert response.status_code == 400, response.text
    error: dict[str, Any] = response.json()["error"]
    assert error["type"] == "invalid_request_error"
    return error


def line(**changes: Any) -> dict[str, Any]:
    item: dict[str, Any] = session_params()["line_items"][0]
    price = item["price_data"] | changes.pop("price_data", {})
    return item | {"price_data": price} | changes


class TestCreating:
    def test_an_open_session_has_totals_and_no_payment_intent_yet(self, shop: Shop) -> None:
        lines = [line(quantity=3), line(price_data={"unit_amount": 99, "product_data": {"name": "Ink"}})]
        session = shop.open_session(line_items=lines, metadata={"order_id": "7"}, client_reference_id="ref")
        assert (session.amount_subtotal, session.amount_total, session.currency) == (6099, 6099, "usd")
        assert (session.status, session.payment_status, session.payment_intent) == ("open", "unpaid", None)
        assert session.metadata
        assert (session.metadata["order_id"], session.client_reference_id) == ("7", "ref")
        assert session.url == f"{shop.simulator.url}/c/pay/{session.id}"
        assert session.expires_at == session.created + 24 * 60 * 60
        assert session.id.startswith("cs_test_")

    def test_a_live_key_makes_live_objects(self, shop: Shop) -> None:
        live = Shop(shop.simulator, shop.key.replace("_test_", "_live_"))
        session = live.open_session()
        live.close()
        assert session.livemode
        assert session.id.startswith("cs_live_")

    def test_line_items_are_listed_in_their_order(self, shop: Shop) -> None:
        session = shop.open_session(line_items=[line(quantity=number) for number in range(1, 13)])
        first = shop.stripe.v1.checkout.sessions.line_items.list(session.id, {"limit": 5})
        assert [item.quantity for item in first.auto_paging_iter()] == list(range(1, 13))
        expanded = shop.stripe.v1.checkout.sessions.retrieve(session.id, {"expand": ["line_items"]})
        assert expanded.line_items
        assert (len(expanded.line_items.data), expanded.line_items.has_more) == (10, True)

    @pytest.mark.parametrize(
        ("params", "param", "code"),
        [
            ({"line_items": []}, "line_items", "parameter_missing"),
            ({"line_items": [line()] * 101}, "line_items", None),
            ({"line_items": [line(quantity=0)]}, "line_items[0][quantity]", "parameter_invalid_integer"),
            (
                {"line_items": [line(price_data={"unit_amount": -1})]},
                "line_items[0][price_data][unit_amount]",
                "parameter_invalid_integer",
            ),
            ({"line_items": [line(), line(price_data={"currency": "eur"})]}, "line_items", None),
            ({"line_items": [line(price_data={"currency": "U$"})]}, "line_items[0][price_data][currency]", None),
            ({"line_items": [line(price_data={"currency": "kwd", "unit_amount": 1005})]}, "line_items", None),
            ({"line_items": [line(price_data={"unit_amount": 49})]}, None, "amount_too_small"),
            ({"line_items": [line(price_data={"unit_amount": 99_999_999}, quantity=2)]}, None, "amount_too_large"),
            ({"success_url": "shop.test/done"}, "success_url", "url_invalid"),
            ({"cancel_url": "javascript:alert(1)"}, "cancel_url", "url_invalid"),
            ({"cancel_url": "http://a;script-src *"}, "cancel_url", "url_invalid"),
            ({"expires_at": 1_000_000_000}, "expires_at", None),
            ({"expires_at": 9_000_000_000}, "expires_at", None),
            ({"metadata": {"x" * 41: "1"}}, "metadata", None),
            ({"colour": "red"}, "colour", "parameter_unknown"),
        ],
    )
    def test_what_stripe_refuses_is_refused(
        self, shop: Shop, params: dict[str, Any], param: str | None, code: str | None
    ) -> None:
        error = refusal(shop, **params)
        assert (error.get("param"), error.get("code")) == (param, code)

    @pytest.mark.parametrize(
        ("currency", "least"), [("usd", 50), ("eur", 50), ("gbp", 30), ("jpy", 50), ("huf", 17500)]
    )
    def test_each_currency_has_its_least_amount(self, shop: Shop, currency: str, least: int) -> None:
        assert shop.open_session(least, currency).amount_total == least
        error = refusal(shop, line_items=[line(price_data={"currency": currency, "unit_amount": least - 1})])
        assert error["code"] == "amount_too_small"

    @pytest.mark.parametrize("name", ["mode", "success_url"])
    def test_required_parameters_are_asked_for(self, shop: Shop, name: str) -> None:
        params = session_params()
        del params[name]
        response = shop.request("POST", "/v1/checkout/sessions", data=encode_form(params))
        assert response.json()["error"]["param"] == name

    def test_what_is_not_simulated_is_said_and_never_ignored(self, shop: Shop) -> None:
        params = session_params(discounts=[{"promotion_code": "promo_1"}])
        response = shop.request("POST", "/v1/checkout/sessions", data=encode_form(params))
        assert response.status_code == 501
        assert "promotion codes" in response.json()["error"]["message"]


class TestReading:
    def test_the_list_pages_newest_first_in_both_directions(self, shop: Shop) -> None:
        made = [shop.open_session().id for _ in range(5)][::-1]
        sessions = shop.stripe.v1.checkout.sessions
        first = sessions.list({"limit": 2})
        assert ([session.id for session in first.data], first.has_more) == (made[:2], True)
        assert [session.id for session in first.auto_paging_iter()] == made
        before = sessions.list({"limit": 2, "ending_before": made[4]})
        assert ([session.id for session in before.data], before.has_more) == (made[2:4], True)

    def test_the_list_filters_by_creation_and_payment_intent(self, shop: Shop) -> None:
        session = shop.open_session()
        shop.pay(session)
        sessions = shop.stripe.v1.checkout.sessions
        assert sessions.list({"created": {"gte": session.created, "lte": session.created}}).data
        assert not sessions.list({"created": {"gt": session.created}}).data
        intent = sessions.retrieve(session.id).payment_intent
        assert isinstance(intent, str)
        assert [found.id for found in sessions.list({"payment_intent": intent}).data] == [session.id]
        assert not sessions.list({"payment_intent": "pi_other"}).data

    @pytest.mark.parametrize("query", ["limit=0", "limit=101", "starting_after=cs_none"])
    def test_a_bad_page_is_refused(self, shop: Shop, query: str) -> None:
        response = shop.request("GET", f"/v1/checkout/sessions?{query}")
        assert response.json()["error"]["param"] == query.partition("=")[0]

    def test_expansion_goes_through_lists_and_levels(self, shop: Shop) -> None:
        shop.pay(shop.open_session())
        page = shop.stripe.v1.checkout.sessions.list({"expand": ["data.payment_intent.latest_charge"]})
        intent = page.data[0].payment_intent
        assert isinstance(intent, stripe.PaymentIntent)
        assert isinstance(intent.latest_charge, stripe.Charge)

    def test_what_cannot_be_expanded_is_refused(self, shop: Shop) -> None:
        response = shop.request("GET", f"/v1/checkout/sessions/{shop.open_session().id}?expand[]=status")
        assert response.json()["error"]["message"] == "This property cannot be expanded (status)."

    def test_another_account_does_not_see_it(self, shop: Shop) -> None:
        other = Shop(shop.simulator, shop.key + "_other")
        with pytest.raises(stripe.InvalidRequestError) as caught:
            other.stripe.v1.checkout.sessions.retrieve(shop.open_session().id)
        other.close()
        assert (caught.value.code, caught.value.http_status) == ("resource_missing", 404)


class TestExpiring:
    def test_an_open_session_expires_once(self, shop: Shop) -> None:
        session = shop.open_session()
        expired = shop.stripe.v1.checkout.sessions.expire(session.id)
        assert (expired.status, expired.url) == ("expired", None)
        assert shop.event_types() == ["checkout.session.expired"]
        with pytest.raises(stripe.InvalidRequestError, match="status of expired"):
            shop.stripe.v1.checkout.sessions.expire(session.id)

    def test_time_expires_it_and_cancels_a_failed_attempt(self, shop: Shop) -> None:
        session = shop.open_session()
        shop.pay(session, card_number="4000000000000002")
        shop.simulator.control("POST", "advance", seconds=24 * 60 * 60)
        assert shop.stripe.v1.checkout.sessions.retrieve(session.id).status == "expired"
        assert shop.event_types()[-2:] == ["payment_intent.canceled", "checkout.session.expired"]
        assert "expired" in shop.pay(session).text
