"""A basket with a discount and taxes, paid at Stripe's page and on our own, in two currencies."""

from urllib.parse import unquote, urlsplit

import pytest
from playwright.sync_api import Page, Request, expect

from tests.browser.conftest import DESKTOP, PHONE, Visit
from tests.browser.pages import (
    DECLINED,
    PATIENCE_MS,
    PAYS,
    assert_fits,
    expect_status,
    look_until,
    order_shown,
    pay,
    reach_stripe,
)
from tests.shop import Shop, wait_for

pytestmark = pytest.mark.browser

DOLLARS = ["Enamel mug", "Campfire cookbook", "Sheepskin"]
EUROS = ["Wool blanket", "Pocket knife", "Linen apron"]
CODE = "spring15"
AUTHENTICATES = "4000002500003155"
ADDRESS = "ada@example.com"


def fill_basket(page: Page, names: list[str]) -> None:
    for name in names:
        page.goto("/")
        page.get_by_role("link", name=name).click()
        page.get_by_role("button", name="Add to basket").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Basket")


def fill_at_a_discount(page: Page, names: list[str]) -> dict[str, str]:
    """What the basket says of money then."""
    fill_basket(page, names)
    page.get_by_label("Discount code").fill(CODE)
    page.get_by_role("button", name="Apply").click()
    expect(page.get_by_text("Spring sale, 15% off")).to_be_visible()
    return sums_of(page)


def sums_of(page: Page) -> dict[str, str]:
    """What the page says of money: label -> amount."""
    rows = page.locator("dl.sums").first.locator("div")
    return {row.locator("dt").inner_text(): row.locator("dd").inner_text() for row in rows.all()}


class TestABasket:
    @pytest.mark.parametrize("width", [PHONE, DESKTOP])
    @pytest.mark.parametrize(("names", "account"), [(DOLLARS, "default"), (EUROS, "euro")])
    def test_costs_at_stripe_what_it_said(
        self, shop: Shop, visit: Visit, names: list[str], account: str, width: int
    ) -> None:
        page = visit(width=width)
        said = fill_at_a_discount(page, names)
        assert len(said) >= 4, said
        assert_fits(page)

        page.get_by_role("button", name="Go to checkout").click()
        reach_stripe(page)
        for amount in said.values():
            expect(page.get_by_text(amount.replace("-", ""), exact=False).first).to_be_visible()
        pay(page)
        order_id = order_shown(page)
        expect_status(page, "Paid")
        assert sums_of(page) == said
        [session] = [
            one
            for one in shop.stripe.objects("checkout.session", account)
            if one["client_reference_id"] == str(order_id)
        ]
        assert session["payment_status"] == "paid"

    def test_refuses_a_second_currency_and_says_what_to_do(self, visit: Visit, complaints: list[str]) -> None:
        page = visit()
        fill_basket(page, DOLLARS[:1])
        page.goto("/")
        page.get_by_role("link", name=EUROS[0]).click()
        page.get_by_role("button", name="Add to basket").click()
        expect(page.get_by_role("alert").first).to_contain_text("they can't be paid together")
        expect(page.get_by_role("link", name="Enamel mug")).to_be_visible()
        # Of the 422 that was wanted.
        assert len(complaints) == 1
        complaints.clear()

    def test_needs_no_javascript(self, visit: Visit) -> None:
        page = visit(javascript=False)
        fill_basket(page, DOLLARS[:2])
        page.get_by_label("How many: Enamel mug").fill("3")
        page.get_by_role("button", name="Update").first.click()
        expect(page.get_by_label("How many: Enamel mug")).to_have_value("3")
        page.get_by_role("button", name="Remove Campfire cookbook").click()
        expect(page.get_by_text("Campfire cookbook")).to_have_count(0)
        page.get_by_role("button", name="Go to checkout").click()
        pay(page)
        order_shown(page)
        look_until(page, "Paid")


def pay_here(page: Page) -> None:
    """On our own page: the card's fields are Stripe's, in a frame of its own."""
    page.get_by_role("button", name="Or pay on this site").click()
    expect(page.get_by_role("button", name="Pay", exact=True)).to_be_enabled(timeout=PATIENCE_MS)
    page.get_by_label("E-mail").fill(ADDRESS)


def type_card(page: Page, number: str) -> None:
    frame = page.frame_locator("#payment-element iframe")
    for label, value in {"Card number": number, "Expiration date": "12/40", "Security code": "123"}.items():
        frame.get_by_label(label).fill(value)


def press_pay(page: Page) -> None:
    page.get_by_role("button", name="Pay", exact=True).click()


def said_in(request: Request) -> str:
    return unquote(f"{request.url} {request.post_data or ''}")


class TestThePaymentElement:
    @pytest.mark.parametrize("width", [PHONE, DESKTOP])
    @pytest.mark.parametrize(("names", "account"), [(DOLLARS, "default"), (EUROS, "euro")])
    def test_charges_what_the_basket_said(
        self, shop: Shop, visit: Visit, names: list[str], account: str, width: int
    ) -> None:
        page = visit(width=width)
        said = fill_at_a_discount(page, names)
        pay_here(page)
        assert sums_of(page) == said
        assert_fits(page)
        type_card(page, PAYS)
        press_pay(page)
        order_id = order_shown(page)
        expect_status(page, "Paid")
        assert sums_of(page) == said
        order = page.request.get(f"/order/{order_id}", headers={"Accept": "application/json"}).json()
        [intent] = [
            one
            for one in shop.stripe.objects("payment_intent", account)
            if one["metadata"].get("order_id") == str(order_id)
        ]
        assert (intent["status"], intent["amount_received"]) == ("succeeded", order["total"])

    def test_writes_to_the_address_that_only_stripe_is_told(self, shop: Shop, visit: Visit) -> None:
        page = visit()
        told: list[str] = []
        page.on("request", lambda request: told.append(request.url) if ADDRESS in said_in(request) else None)
        fill_basket(page, DOLLARS[:1])
        pay_here(page)
        type_card(page, PAYS)
        page.get_by_label("E-mail").fill("")
        press_pay(page)
        expect(page.get_by_label("E-mail")).to_be_focused()
        page.get_by_label("E-mail").fill(ADDRESS)
        press_pay(page)
        order_id = order_shown(page)
        expect_status(page, "Paid")
        assert [urlsplit(url).port for url in told] == [shop.stripe_port]
        [contact] = shop.sql("SELECT email FROM orders_contact WHERE order_id = %s", order_id)
        assert contact["email"] == ADDRESS
        shop.manage("projections").check_returncode()
        wait_for(lambda: shop.sql("SELECT 1 FROM orders_mail WHERE order_id = %s AND state = 'sent'", order_id))

    def test_shows_stripes_words_for_a_decline_and_takes_another_card(
        self, visit: Visit, complaints: list[str]
    ) -> None:
        page = visit()
        fill_basket(page, DOLLARS[:1])
        pay_here(page)
        type_card(page, DECLINED)
        press_pay(page)
        expect(page.locator("form[data-pay] [role=alert]")).to_contain_text("Your card was declined")
        # Of Stripe's 402.
        assert len(complaints) == 1
        complaints.clear()
        type_card(page, PAYS)
        press_pay(page)
        order_shown(page)
        expect_status(page, "Paid")

    @pytest.mark.parametrize(("button", "status"), [("Complete", "Paid"), ("Fail", "The payment did not go through")])
    def test_lets_the_bank_ask_back(self, visit: Visit, button: str, status: str) -> None:
        page = visit()
        fill_basket(page, DOLLARS[:1])
        pay_here(page)
        type_card(page, AUTHENTICATES)
        press_pay(page)
        page.get_by_role("button", name=button).click()
        order_shown(page)
        expect_status(page, status)

    def test_tells_of_a_payment_that_takes_days(self, visit: Visit) -> None:
        page = visit()
        fill_basket(page, DOLLARS[:1])
        pay_here(page)
        page.frame_locator("#payment-element iframe").get_by_label("Bank debit").check()
        press_pay(page)
        order_shown(page)
        # That it is paid some day is told where Stripe's clock may be moved: not in a shop that other tests use too.
        expect_status(page, "Your payment is being processed")

    def test_says_so_when_the_form_can_not_be_loaded(self, shop: Shop, visit: Visit, complaints: list[str]) -> None:
        page = visit()
        fill_basket(page, DOLLARS[:1])
        shop.stripe.order_fault("http_429", "POST /v1/payment_intents")
        page.get_by_role("button", name="Or pay on this site").click()
        expect(page.locator("form[data-pay] [role=alert]")).to_contain_text("isn't answering right now")
        expect(page.get_by_role("button", name="Pay", exact=True)).to_be_hidden()
        complaints.clear()  # of the 503 that was ordered
        page.get_by_role("button", name="page instead").click()
        pay(page)
        order_shown(page)
        expect_status(page, "Paid")
