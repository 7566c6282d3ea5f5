from typing import Any

import pytest
import stripe

from simulator.tests.running import Shop, encode_form

VAT = {"display_name": "VAT", "percentage": 19, "inclusive": "true"}


def create(shop: Shop, **params: Any) -> Any:
    return shop.request("POST", "/v1/tax_rates", data=encode_form(VAT | params)).json()


class TestCreating:
    def test_it_is_active_and_says_what_was_given(self, shop: Shop) -> None:
        rate = create(shop, country="DE", jurisdiction="DE", tax_type="vat", percentage="8.2525", metadata={"a": "1"})
        assert rate["id"].startswith("txr_")
        assert (rate["percentage"], rate["inclusive"], rate["active"]) == (8.2525, True, True)
        assert (rate["country"], rate["jurisdiction"], rate["tax_type"]) == ("DE", "DE", "vat")
        assert (rate["metadata"], rate["state"], rate["description"]) == ({"a": "1"}, None, None)
        assert shop.request("GET", f"/v1/tax_rates/{rate['id']}").json() == rate
        assert shop.newest_data("tax_rate.created") == {"object": rate}

    @pytest.mark.parametrize("percentage", ["0", "0.0001", "100"])
    def test_the_bounds_are_inside(self, shop: Shop, percentage: str) -> None:
        assert create(shop, percentage=percentage)["percentage"] == float(percentage)

    @pytest.mark.parametrize(
        ("params", "param", "code"),
        [
            ({"percentage": -1}, "percentage", None),
            ({"percentage": "100.0001"}, "percentage", None),
            ({"percentage": "8.25255"}, "percentage", None),
            ({"percentage": "much"}, "percentage", None),
            ({"inclusive": "maybe"}, "inclusive", None),
            ({"display_name": ""}, "display_name", "parameter_invalid_empty"),
            ({"display_name": "n" * 51}, "display_name", None),
            ({"jurisdiction": "n" * 51}, "jurisdiction", None),
            ({"country": "Germany"}, "country", "country_code_invalid"),
            ({"tax_type": "tithe"}, "tax_type", None),
            ({"metadata": {"x" * 41: "1"}}, "metadata", None),
        ],
    )
    def test_what_stripe_refuses_is_refused(
        self, shop: Shop, params: dict[str, Any], param: str, code: str | None
    ) -> None:
        error = create(shop, **params)["error"]
        assert (error["param"], error.get("code")) == (param, code)

    @pytest.mark.parametrize("name", list(VAT))
    def test_required_parameters_are_asked_for(self, shop: Shop, name: str) -> None:
        response = shop.request("POST", "/v1/tax_rates", data={key: VAT[key] for key in VAT if key != name})
        assert (response.status_code, response.json()["error"]["param"]) == (400, name)


class TestUpdating:
    def test_it_is_archived_and_the_event_says_from_what(self, shop: Shop) -> None:
        rate = create(shop)
        assert not shop.stripe.v1.tax_rates.update(rate["id"], {"active": False}).active
        told = shop.newest_data("tax_rate.updated")
        assert (told["object"]["active"], told["previous_attributes"]) == (False, {"active": True})

    def test_names_and_places_change_and_can_be_unset(self, shop: Shop) -> None:
        rate = create(shop, country="DE", metadata={"a": "1"})
        changed = shop.stripe.v1.tax_rates.update(
            rate["id"], {"display_name": "MwSt", "country": "", "metadata": {"b": "2"}}
        )
        assert (changed.display_name, changed.country) == ("MwSt", None)
        told = shop.newest_data("tax_rate.updated")
        assert told["object"]["metadata"] == {"a": "1", "b": "2"}
        assert told["previous_attributes"] == {
            "display_name": "VAT",
            "country": "DE",
            "metadata": {"a": "1"},
        }

    def test_nothing_new_is_no_event(self, shop: Shop) -> None:
        shop.stripe.v1.tax_rates.update(create(shop)["id"], {"active": True})
        assert shop.event_types() == ["tax_rate.created"]

    @pytest.mark.parametrize("name", ["percentage", "inclusive"])
    def test_what_it_means_cannot_change(self, shop: Shop, name: str) -> None:
        response = shop.request("POST", f"/v1/tax_rates/{create(shop)['id']}", data={name: "1"})
        error = response.json()["error"]
        assert (response.status_code, error["param"], error["code"]) == (400, name, "parameter_unknown")

    def test_an_unknown_one_is_missing(self, shop: Shop) -> None:
        for method in ("GET", "POST"):
            response = shop.request(method, "/v1/tax_rates/txr_none")
            error = response.json()["error"]
            assert (response.status_code, error["code"], error["param"]) == (404, "resource_missing", "tax_rate")


def test_they_are_listed_by_whether_they_are_active_and_inclusive(shop: Shop) -> None:
    inclusive, exclusive = create(shop)["id"], create(shop, inclusive="false")["id"]
    archived = create(shop, active="false")["id"]

    def ids(params: stripe.params.TaxRateListParams) -> list[str]:
        return [rate.id for rate in shop.stripe.v1.tax_rates.list(params).auto_paging_iter()]

    assert ids({"limit": 1}) == [archived, exclusive, inclusive]
    assert ids({"active": True}) == [exclusive, inclusive]
    assert ids({"active": False}) == [archived]
    assert ids({"inclusive": True, "active": True}) == [inclusive]
