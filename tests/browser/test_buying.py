"""A shopper buys with a real browser, pays at Stripe's page and comes back."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import DESKTOP, PHONE, Visit
from tests.browser.pages import (
    DECLINED,
    assert_fits,
    expect_status,
    look_until,
    open_first_item,
    order_shown,
    pay,
    press_buy,
    reach_stripe,
)
from tests.shop import Shop

pytestmark = pytest.mark.browser

LATE_SECONDS = 2


class TestAShopperWhoPays:
    def test_sees_the_order_turn_paid_without_reloading(self, shop: Shop, visit: Visit) -> None:
        shop.stripe.order_fault("webhook_delay", match="*", times=0, seconds=LATE_SECONDS)
        page = visit()
        press_buy(page)
        pay(page)
        order_id = order_shown(page)
        page.evaluate("window.seenSinceTheFirstLoad = true")
        expect_status(page, "We are confirming your payment")
        expect(page.get_by_text("Do not pay again")).to_be_visible()
        expect_status(page, "Paid")
        assert page.evaluate("window.seenSinceTheFirstLoad")

        order = page.request.get(f"/order/{order_id}", headers={"Accept": "application/json"}).json()
        assert (order["state"], order["received"]) == ("paid", 1850)

    def test_needs_no_javascript(self, visit: Visit) -> None:
        page = visit(javascript=False)
        press_buy(page)
        pay(page)
        order_shown(page)
        look_until(page, "Paid")

    def test_is_shown_the_order_in_another_browser_by_the_link_alone(self, visit: Visit, complaints: list[str]) -> None:
        page, elsewhere, stranger = visit(), visit(), visit()
        press_buy(page)
        pay(page)
        order_id = order_shown(page)
        elsewhere.goto(page.url)
        expect_status(elsewhere, "Paid")
        answer = stranger.goto(f"/order/{order_id}")
        assert answer is not None
        assert answer.status == 404
        # Of the 404 that was wanted.
        assert len(complaints) == 1
        complaints.clear()

    def test_can_try_another_card_after_one_was_declined(self, shop: Shop, visit: Visit, complaints: list[str]) -> None:
        page = visit()
        press_buy(page)
        pay(page, DECLINED)
        expect(page.get_by_role("alert")).to_contain_text("declined")
        pay(page)
        order_id = order_shown(page)
        expect_status(page, "Paid")
        assert len(sessions_of(shop, order_id)) == 1
        # Of Stripe's 402.
        assert len(complaints) == 1
        complaints.clear()


class TestPressingBuyTwice:
    @pytest.fixture(autouse=True)
    def slow(self, shop: Shop) -> None:
        """The second press comes while Stripe is still working on the first."""
        shop.stripe.order_fault("delay", seconds=1)

    @pytest.mark.parametrize("javascript", [True, False])
    def test_in_a_double_click_is_one_order_and_one_session(self, shop: Shop, visit: Visit, javascript: bool) -> None:
        page = visit(javascript=javascript)
        with one_purchase(shop, page):
            open_first_item(page)
            page.get_by_role("button", name="Buy").dblclick()
            reach_stripe(page)

    def test_in_two_tabs_is_one_order_and_one_session(self, shop: Shop, visit: Visit) -> None:
        page = visit()
        other = page.context.new_page()
        with one_purchase(shop, page):
            for tab in (page, other):
                open_first_item(tab)
            for tab in (page, other):
                tab.get_by_role("button", name="Buy").click()
            for tab in (page, other):
                reach_stripe(tab)
        assert other.url == page.url


@contextmanager
def one_purchase(shop: Shop, page: Page) -> Iterator[None]:
    """Of all that is done inside comes one order, whose one session the page shows at the end."""
    orders = shop.sql("SELECT id FROM orders_order")
    yield
    [order] = [one for one in shop.sql("SELECT id FROM orders_order") if one not in orders]
    [session] = sessions_of(shop, order["id"])
    assert session["url"] == page.url


class TestEveryPage:
    @pytest.mark.parametrize("width", [PHONE, DESKTOP])
    def test_needs_no_sideways_scrolling(self, visit: Visit, complaints: list[str], width: int) -> None:
        page = visit(width=width)
        page.goto("/nowhere")
        assert_fits(page)
        # Of the 404 that was wanted.
        assert len(complaints) == 1
        complaints.clear()

        page.goto("/")
        assert_fits(page)
        press_buy(page)
        reach_stripe(page)
        page.go_back()
        assert_fits(page)
        page.get_by_role("button", name="Buy").click()
        reach_stripe(page)
        page.locator("button[name=cancel]").click()
        order_shown(page)
        expect_status(page, "Not paid yet")
        assert_fits(page)
        page.get_by_role("button", name="Continue to payment").click()
        pay(page)
        order_shown(page)
        expect_status(page, "Paid")
        assert_fits(page)


def sessions_of(shop: Shop, order_id: int) -> list[dict[str, object]]:
    sessions = shop.stripe.objects("checkout.session")
    return [session for session in sessions if session["client_reference_id"] == str(order_id)]
