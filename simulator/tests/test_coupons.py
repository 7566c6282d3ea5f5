from typing import Any

import pytest
import stripe

from simulator.tests.running import Shop, encode_form


def refusal(shop: Shop, path: str = "/v1/coupons", **params: Any) -> tuple[int, str | None, str | None]:
    """Status, param and code."""
    response = shop.request("POST", path, data=encode_form(params))
    error = response.json()["error"]
    return response.status_code, error.get("param"), error.get("code")


class TestCreating:
    def test_a_percentage_off_once_under_the_chosen_id(self, shop: Shop) -> None:
        made = shop.request(
            "POST", "/v1/coupons", data={"id": "WELCOME", "percent_off": "12.5", "metadata[discount]": "7"}
        ).json()
        assert (made["id"], made["percent_off"], made["amount_off"], made["currency"]) == ("WELCOME", 12.5, None, None)
        assert (made["duration"], made["valid"], made["name"]) == ("once", True, None)
        assert shop.request("GET", "/v1/coupons/WELCOME").json() == made
        assert made["metadata"] == {"discount": "7"}
        assert shop.newest_data("coupon.created") == {"object": made}

    def test_an_amount_off_in_its_currency_under_an_id_of_stripes(self, shop: Shop) -> None:
        coupon = shop.stripe.v1.coupons.create({"amount_off": 500, "currency": "eur", "name": "Five off"})
        assert (coupon.amount_off, coupon.currency, coupon.name, coupon.percent_off) == (500, "eur", "Five off", None)
        assert len(coupon.id) == 8

    @pytest.mark.parametrize(
        ("params", "param", "code"),
        [
            ({}, None, "parameter_missing"),
            ({"percent_off": 10, "amount_off": 10, "currency": "usd"}, None, "parameters_exclusive"),
            ({"percent_off": 0}, "percent_off", None),
            ({"percent_off": -1}, "percent_off", None),
            ({"percent_off": "100.01"}, "percent_off", None),
            ({"percent_off": "33.333"}, "percent_off", None),
            ({"percent_off": "ten"}, "percent_off", None),
            ({"amount_off": 0, "currency": "usd"}, "amount_off", "parameter_invalid_integer"),
            ({"amount_off": "1.5", "currency": "usd"}, "amount_off", "parameter_invalid_integer"),
            ({"amount_off": 100}, "currency", "parameter_missing"),
            ({"amount_off": 100, "currency": "USD"}, "currency", None),
            ({"percent_off": 10, "name": "n" * 41}, "name", None),
            ({"percent_off": 10, "duration": "twice"}, "duration", None),
            ({"percent_off": 10, "duration": "repeating"}, "duration_in_months", "parameter_missing"),
            ({"percent_off": 10, "duration_in_months": 3}, "duration_in_months", None),
            ({"percent_off": 10, "colour": "red"}, "colour", "parameter_unknown"),
        ],
    )
    def test_what_stripe_refuses_is_refused(
        self, shop: Shop, params: dict[str, Any], param: str | None, code: str | None
    ) -> None:
        assert refusal(shop, **params) == (400, param, code)
        assert not shop.event_types()

    @pytest.mark.parametrize("percent", ["0.01", "33.33", "100"])
    def test_two_decimals_up_to_everything(self, shop: Shop, percent: str) -> None:
        made = shop.request("POST", "/v1/coupons", data={"percent_off": percent}).json()
        assert made["percent_off"] == float(percent)

    def test_an_id_is_taken_until_it_is_deleted(self, shop: Shop) -> None:
        shop.stripe.v1.coupons.create({"id": "ONE", "percent_off": 10})
        assert refusal(shop, id="ONE", percent_off=20) == (400, None, "resource_already_exists")
        shop.stripe.v1.coupons.delete("ONE")
        assert shop.stripe.v1.coupons.create({"id": "ONE", "percent_off": 20}).percent_off == 20

    def test_limits_that_are_not_simulated_are_said(self, shop: Shop) -> None:
        response = shop.request("POST", "/v1/coupons", data={"percent_off": "10", "max_redemptions": "3"})
        assert (response.status_code, "max_redemptions" in response.text) == (501, True)


class TestUpdating:
    def test_the_name_and_metadata_change_and_the_event_says_from_what(self, shop: Shop) -> None:
        shop.stripe.v1.coupons.create({"id": "ONE", "percent_off": 10, "metadata": {"a": "1", "b": "2"}})
        shop.stripe.v1.coupons.update("ONE", {"name": "Ten", "metadata": {"a": ""}})
        told = shop.newest_data("coupon.updated")
        assert (told["object"]["name"], told["object"]["metadata"]) == ("Ten", {"b": "2"})
        assert told["previous_attributes"] == {"name": None, "metadata": {"a": "1", "b": "2"}}
        assert shop.stripe.v1.coupons.retrieve("ONE").name == "Ten"

    def test_an_empty_name_unsets_it(self, shop: Shop) -> None:
        shop.stripe.v1.coupons.create({"id": "ONE", "percent_off": 10, "name": "Ten"})
        assert shop.stripe.v1.coupons.update("ONE", {"name": ""}).name is None

    def test_nothing_new_is_no_event(self, shop: Shop) -> None:
        shop.stripe.v1.coupons.create({"id": "ONE", "percent_off": 10, "name": "Ten"})
        shop.stripe.v1.coupons.update("ONE", {"name": "Ten"})
        assert shop.event_types() == ["coupon.created"]

    def test_terms_cannot_change(self, shop: Shop) -> None:
        shop.stripe.v1.coupons.create({"id": "ONE", "percent_off": 10})
        assert refusal(shop, "/v1/coupons/ONE", percent_off=20) == (400, "percent_off", "parameter_unknown")
        assert refusal(shop, "/v1/coupons/ONE", name="n" * 41) == (400, "name", None)


class TestDeleting:
    def test_it_is_gone_and_the_event_has_it_as_it_was(self, shop: Shop) -> None:
        shop.stripe.v1.coupons.create({"id": "ONE", "percent_off": 10})
        answer = shop.request("DELETE", "/v1/coupons/ONE").json()
        assert answer == {"id": "ONE", "object": "coupon", "deleted": True}
        told = shop.newest_data("coupon.deleted")["object"]
        assert (told["percent_off"], told["valid"]) == (10, False)

    @pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
    def test_what_is_gone_or_never_was_is_missing(self, shop: Shop, method: str) -> None:
        shop.stripe.v1.coupons.create({"id": "ONE", "percent_off": 10})
        shop.stripe.v1.coupons.delete("ONE")
        for coupon_id in ("ONE", "NONE"):
            response = shop.request(method, f"/v1/coupons/{coupon_id}")
            error = response.json()["error"]
            assert (response.status_code, error["code"], error["param"]) == (404, "resource_missing", "coupon")

    def test_another_account_keeps_its_own_of_the_same_id(self, shop: Shop) -> None:
        other = Shop(shop.simulator, shop.key + "_other")
        for account in (shop, other):
            account.stripe.v1.coupons.create({"id": "ONE", "percent_off": 10})
        shop.stripe.v1.coupons.delete("ONE")
        assert other.stripe.v1.coupons.retrieve("ONE").valid
        other.close()


def test_they_are_listed_newest_first(shop: Shop) -> None:
    for name in ("ONE", "TWO", "THREE"):
        shop.stripe.v1.coupons.create({"id": name, "percent_off": 10})
    shop.stripe.v1.coupons.delete("TWO")
    page = shop.stripe.v1.coupons.list({"limit": 1})
    assert [coupon.id for coupon in page.auto_paging_iter()] == ["THREE", "ONE"]
    assert isinstance(page.data[0], stripe.Coupon)
