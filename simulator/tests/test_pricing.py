"""Checkout Sessions with a coupon and tax rates."""

from typing import Any

import pytest
import requests

from simulator.tests.running import Shop, encode_form, session_params


def line(amount: int, quantity: int = 1, *rates: str, currency: str = "usd", name: str = "Pen") -> dict[str, Any]:
    price = {"currency": currency, "unit_amount": amount, "product_data": {"name": name}}
    return {"price_data": price, "quantity": quantity, "tax_rates": list(rates)}


def create(shop: Shop, *lines: dict[str, Any], status: int = 200, **params: Any) -> Any:
    """A session as plain JSON, or Stripe's error when another status is wanted."""
    form = encode_form(session_params(line_items=list(lines), **params))
    response = shop.request("POST", "/v1/checkout/sessions", data=form)
    assert response.status_code == status, response.text
    return response.json() if status == 200 else response.json()["error"]


def add_rate(shop: Shop, percentage: float, *, inclusive: bool, name: str = "VAT") -> str:
    terms: Any = {"display_name": name, "percentage": percentage, "inclusive": inclusive}
    return shop.stripe.v1.tax_rates.create(terms).id


def add_coupon(shop: Shop, coupon_id: str = "SALE", **terms: Any) -> list[dict[str, str]]:
    """The session's `discounts`."""
    shop.stripe.v1.coupons.create({"id": coupon_id, **terms})  # type: ignore[arg-type]
    return [{"coupon": coupon_id}]


def amounts(value: Any) -> tuple[int, int, int, int]:
    """Of a session or of one of its lines: subtotal, discount, tax, total."""
    details = value.get("total_details", value)
    return value["amount_subtotal"], details["amount_discount"], details["amount_tax"], value["amount_total"]


class TestTotals:
    def test_a_basket_with_a_discount_and_both_kinds_of_tax(self, shop: Shop) -> None:
        inclusive, exclusive = add_rate(shop, 20, inclusive=True), add_rate(shop, 8.25, inclusive=False)
        discounts = add_coupon(shop, percent_off=15)
        lines = line(4000, 1, inclusive), line(2500, 2, exclusive), line(1000)
        session = create(shop, *lines, discounts=discounts)
        assert amounts(session) == (10_000, 1500, 918, 8851)
        assert session["discounts"] == [{"coupon": "SALE", "promotion_code": None}]
        assert "breakdown" not in session["total_details"]
        items = shop.request("GET", f"/v1/checkout/sessions/{session['id']}/line_items").json()["data"]
        assert [amounts(item) for item in items] == [
            (4000, 600, 567, 3400),
            (5000, 750, 351, 4601),
            (1000, 150, 0, 850),
        ]
        assert not any(name in item for item in items for name in ("taxes", "discounts"))

    def test_the_charge_is_of_the_total(self, shop: Shop) -> None:
        rate = add_rate(shop, 10, inclusive=False)
        session = create(shop, line(2000, 1, rate), discounts=add_coupon(shop, amount_off=500, currency="usd"))
        requests.post(session["url"], {"async": "1"}, allow_redirects=False, timeout=5)
        [intent] = shop.stripe.v1.payment_intents.list().data
        assert (session["amount_total"], intent.amount) == (1650, 1650)

    @pytest.mark.parametrize(
        ("currency", "amount", "figures"),
        [
            ("jpy", 1115, (1115, 167, 95, 1043)),  # 167.25; 948 * 10 % = 94.8
            ("kwd", 12_340, (12_340, 1850, 1050, 11_540)),  # 1851 -> 1850; 1049
            ("isk", 150_300, (150_300, 22_500, 12_800, 140_600)),  # 22545 -> 22500; 12780
        ],
    )
    def test_each_currency_has_its_step(
        self, shop: Shop, currency: str, amount: int, figures: tuple[int, int, int, int]
    ) -> None:
        rate = add_rate(shop, 10, inclusive=False)
        session = create(shop, line(amount, 1, rate, currency=currency), discounts=add_coupon(shop, percent_off=15))
        assert amounts(session) == figures

    def test_a_percentage_is_the_decimal_that_was_given(self, shop: Shop) -> None:
        """1.0005 % of 3000.00 is half a cent above 30.01; of the float next to it, it would be less."""
        rate = add_rate(shop, 1.0005, inclusive=False)
        assert create(shop, line(300_000, 1, rate))["total_details"]["amount_tax"] == 3002

    @pytest.mark.parametrize("terms", [{"percent_off": 100}, {"amount_off": 5000, "currency": "usd"}])
    def test_everything_off_needs_no_payment(self, shop: Shop, terms: dict[str, Any]) -> None:
        rate = add_rate(shop, 10, inclusive=False)
        session = create(shop, line(2000, 1, rate), discounts=add_coupon(shop, **terms))
        assert amounts(session) == (2000, 2000, 0, 0)
        assert requests.post(session["url"], {"email": "a@b.c"}, allow_redirects=False, timeout=5).status_code == 303
        done = shop.stripe.v1.checkout.sessions.retrieve(session["id"])
        assert (done.payment_status, done.payment_intent) == ("no_payment_required", None)
        assert not shop.stripe.v1.payment_intents.list().data

    def test_the_least_amount_is_asked_of_the_discounted_total(self, shop: Shop) -> None:
        error = create(shop, line(2000), status=400, discounts=add_coupon(shop, percent_off=98))
        assert error["code"] == "amount_too_small"

    def test_an_open_session_keeps_its_amounts_and_names(self, shop: Shop) -> None:
        rate = add_rate(shop, 25, inclusive=True)
        session = create(shop, line(2000, 1, rate), discounts=add_coupon(shop, percent_off=50, name="Half"))
        shop.stripe.v1.coupons.delete("SALE")
        add_coupon(shop, percent_off=10, name="Tenth")
        shop.stripe.v1.tax_rates.update(rate, {"active": False, "display_name": "Gone"})
        path = f"/v1/checkout/sessions/{session['id']}?expand[]=discounts.coupon&expand[]=total_details.breakdown"
        kept = shop.request("GET", path).json()
        assert amounts(kept) == amounts(session) == (2000, 1000, 200, 1000)
        assert kept["discounts"][0]["coupon"]["name"] == "Half"
        assert kept["total_details"]["breakdown"]["taxes"][0]["rate"]["display_name"] == "VAT"
        page = requests.get(session["url"], timeout=5).text
        assert "Half (50% off)" in page
        assert "VAT (25%, included)" in page


class TestRefusals:
    @pytest.mark.parametrize(
        ("params", "param", "code"),
        [
            ({"discounts": [{"coupon": "NONE"}]}, "discounts[0][coupon]", "resource_missing"),
            ({"discounts": [{"coupon": "SALE"}, {"coupon": "SALE"}]}, "discounts", None),
            ({"discounts": [{"coupon": "EURO"}]}, "discounts[0][coupon]", None),
            ({"line_items": [line(2000, 1, "txr_none")]}, "line_items[0][tax_rates][0]", "resource_missing"),
        ],
    )
    def test_a_coupon_or_rate_that_will_not_do(
        self, shop: Shop, params: dict[str, Any], param: str, code: str | None
    ) -> None:
        add_coupon(shop, percent_off=10)
        add_coupon(shop, "EURO", amount_off=100, currency="eur")
        error = create(shop, *params.pop("line_items", [line(2000)]), status=400, **params)
        assert (error["param"], error.get("code")) == (param, code)
        assert not shop.stripe.v1.checkout.sessions.list().data

    def test_a_deleted_coupon(self, shop: Shop) -> None:
        discounts = add_coupon(shop, percent_off=10)
        shop.stripe.v1.coupons.delete("SALE")
        assert create(shop, line(2000), status=400, discounts=discounts)["code"] == "resource_missing"

    def test_an_archived_tax_rate(self, shop: Shop) -> None:
        good, archived = add_rate(shop, 10, inclusive=False), add_rate(shop, 5, inclusive=False)
        shop.stripe.v1.tax_rates.update(archived, {"active": False})
        error = create(shop, line(2000), line(2000, 1, good, archived), status=400)
        assert error["param"] == "line_items[1][tax_rates][1]"

    def test_another_accounts_coupon_is_unknown(self, shop: Shop) -> None:
        other = Shop(shop.simulator, shop.key + "_other")
        discounts = add_coupon(other, percent_off=10)
        other.close()
        assert create(shop, line(2000), status=400, discounts=discounts)["param"] == "discounts[0][coupon]"


class TestExpanding:
    def test_lines_tell_their_discounts_and_taxes(self, shop: Shop) -> None:
        vat, city = add_rate(shop, 20, inclusive=True), add_rate(shop, 1.5, inclusive=False, name="City tax")
        session = create(shop, line(2400, 1, vat, city), discounts=add_coupon(shop, percent_off=50))
        path = f"/v1/checkout/sessions/{session['id']}/line_items?expand[]=data.taxes&expand[]=data.discounts"
        [item] = shop.request("GET", path).json()["data"]
        assert [(tax["rate"]["id"], tax["amount"]) for tax in item["taxes"]] == [(vat, 200), (city, 15)]
        [discount] = item["discounts"]
        assert (discount["amount"], discount["discount"]["source"]) == (1200, {"type": "coupon", "coupon": "SALE"})
        assert discount["discount"]["checkout_session"] == session["id"]

    def test_the_breakdown_sums_the_lines_up_by_rate(self, shop: Shop) -> None:
        vat, city = add_rate(shop, 20, inclusive=True), add_rate(shop, 1.5, inclusive=False, name="City tax")
        session = create(
            shop,
            line(2400, 1, vat),
            line(1200, 2, vat, city),
            discounts=add_coupon(shop, percent_off=50),
            expand=["total_details.breakdown", "line_items.data.taxes"],
        )
        breakdown = session["total_details"]["breakdown"]
        assert [(tax["rate"]["id"], tax["amount"]) for tax in breakdown["taxes"]] == [(vat, 400), (city, 15)]
        assert [entry["amount"] for entry in breakdown["discounts"]] == [2400]
        assert [len(item["taxes"]) for item in session["line_items"]["data"]] == [1, 2]

    def test_without_coupon_and_rates_there_is_nothing_to_tell(self, shop: Shop) -> None:
        session = create(shop, line(2000), expand=["total_details.breakdown", "line_items.data.discounts"])
        assert session["total_details"]["breakdown"] == {"discounts": [], "taxes": []}
        assert session["line_items"]["data"][0]["discounts"] == []
        assert session["discounts"] == []

    @pytest.mark.parametrize("path", ["total_details", "total_details.amount_tax", "discounts", "discounts.amount"])
    def test_what_cannot_be_expanded_is_refused(self, shop: Shop, path: str) -> None:
        discounts = add_coupon(shop, percent_off=50)
        error = create(shop, line(2000), status=400, discounts=discounts, expand=[path])
        assert error["message"] == f"This property cannot be expanded ({path})."


class TestTheHostedPage:
    def test_it_names_what_is_off_and_every_tax(self, shop: Shop) -> None:
        vat = add_rate(shop, 20, inclusive=True, name="VAT <b>")
        sales = add_rate(shop, 8.25, inclusive=False, name="Sales tax")
        discounts = add_coupon(shop, percent_off=12.5, name="Spring & summer")
        session = create(shop, line(4000, 1, vat), line(2500, 2, sales), discounts=discounts)
        page = requests.get(session["url"], timeout=5).text
        rows = ["<dt>Subtotal</dt><dd>$90.00</dd>", "<dt>Spring &amp; summer (12.5% off)</dt><dd>-$11.25</dd>"]
        rows += ["<dt>VAT &lt;b&gt; (20%, included)</dt><dd>$5.83</dd>", "<dt>Sales tax (8.25%)</dt><dd>$3.61</dd>"]
        rows += ["<dt>Total due</dt><dd>$82.36</dd>"]
        places = [page.index(row) for row in rows]
        assert places == sorted(places)

    def test_a_coupon_without_a_name_goes_by_its_id(self, shop: Shop) -> None:
        session = create(shop, line(2000), discounts=add_coupon(shop, amount_off=500, currency="usd"))
        assert "<dt>SALE</dt><dd>-$5.00</dd>" in requests.get(session["url"], timeout=5).text

    def test_plain_lines_are_not_summed_up_twice(self, shop: Shop) -> None:
        assert "Subtotal" not in requests.get(create(shop, line(2000), line(500))["url"], timeout=5).text
