"""A page that was left open, a browser that was closed, a language that was chosen: what the shopper sees then."""

import json
from copy import deepcopy
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.browser.pages import (
    PAYS,
    expect_status,
    look_until,
    open_first_item,
    order_shown,
    pay,
    press_buy,
    reach_stripe,
)
from tests.browser.test_basket import DOLLARS, fill_basket, pay_here, press_pay
from tests.shop import Shop

pytestmark = pytest.mark.browser


class TestADebitThatFailsDaysLater:
    def test_is_told_by_the_page_that_was_left_open_and_by_the_link_alone(self, shop: Shop, visit: Visit) -> None:
        page, elsewhere = visit(), visit()
        fill_basket(page, DOLLARS[:1])
        pay_here(page)
        page.frame_locator("#payment-element iframe").get_by_label("Bank debit").check()
        press_pay(page)
        order_id = order_shown(page)
        expect_status(page, "Your payment is being processed")
        tab = page.context.new_page()
        tab.goto(page.url)
        expect_status(tab, "Your payment is being processed")
        for shown in (page, tab):
            assert parse_qs(urlsplit(shown.url).query).keys() == {"token"}, "the way back is over, its secret too"
            shown.evaluate("window.seenSinceTheFirstLoad = true")
            expect(shown.get_by_role("button", name="Continue to payment")).to_have_count(0)

        fail_debit(shop, order_id)
        for shown in (page, tab):
            expect_status(shown, "The payment did not go through")
            expect(shown.locator(".status").get_by_text("There was not enough money")).to_be_visible()
            assert shown.evaluate("window.seenSinceTheFirstLoad")
        page.reload()
        expect_status(page, "The payment did not go through")
        elsewhere.goto(page.url)
        expect_status(elsewhere, "The payment did not go through")
        expect(elsewhere.get_by_text("open this page in the browser that you ordered with")).to_be_visible()

        page.get_by_role("button", name="Continue to payment").click()
        pay(page)
        order_shown(page)
        expect_status(page, "Paid")
        expect_status(tab, "Paid")


def fail_debit(shop: Shop, order_id: int) -> None:
    """What Stripe tells when the bank says no; the stand-in's clock stays where it is, since others use it too."""
    pending = next(
        event
        for event in shop.stripe.objects("event")
        if event["type"] == "charge.pending" and event["data"]["object"]["metadata"]["order_id"] == str(order_id)
    )
    failed = deepcopy(pending) | {"id": f"evt_{uuid4().hex}", "type": "charge.failed"}
    failed["data"]["object"] |= {"status": "failed", "failure_code": "insufficient_funds"}
    assert shop.post_delivery(json.dumps(failed).encode()).status_code == 200


class TestABrowserThatGoesBack:
    def test_to_the_order_is_told_what_became_of_it_meanwhile(self, visit: Visit) -> None:
        page = visit()
        press_buy(page)
        reach_stripe(page)
        page.locator("button[name=cancel]").click()
        order_id = order_shown(page)
        expect_status(page, "Not paid yet")
        page.get_by_role("button", name="Continue to payment").click()
        reach_stripe(page)
        other = page.context.new_page()
        other.goto(page.url)
        pay(other, PAYS)
        assert order_shown(other) == order_id
        expect_status(other, "Paid")
        page.go_back()
        expect_status(page, "Paid")
        expect(page.get_by_role("button", name="Continue to payment")).to_have_count(0)


class TestAWaitingPage:
    def test_is_shown_anew_when_other_words_are_true_though_state_and_payment_stay(self, visit: Visit) -> None:
        """As after the quarter of an hour in which a decline may have been a first try."""
        page = visit()
        press_buy(page)
        reach_stripe(page)
        page.locator("button[name=cancel]").click()
        page.goto(f"/order/{order_shown(page)}?returned=1")
        expect_status(page, "We are confirming your payment")
        page.evaluate("window.history.replaceState(null, '', window.location.pathname)")
        expect_status(page, "Not paid yet")


class TestTheLanguageAndTheTime:
    @pytest.mark.parametrize("javascript", [True, False])
    def test_are_the_shoppers_on_every_page_to_the_end(self, visit: Visit, javascript: bool) -> None:
        """The zone is told by a script; without it times are in UTC, and say so."""
        page = visit(javascript=javascript)
        devtools = page.context.new_cdp_session(page)
        devtools.send("Emulation.setTimezoneOverride", {"timezoneId": "Asia/Tokyo"})
        open_first_item(page)
        page.get_by_role("button", name="Русский").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Enamel mug")
        page.get_by_role("button", name="Купить").click()
        pay(page)
        order_shown(page)
        if not javascript:
            look_until(page, "Оплачено", again="Посмотреть ещё раз")
        expect_status(page, "Оплачено")
        expect(page.get_by_role("link", name="Корзина")).to_be_visible()
        in_utc = expect(page.locator("time"))
        (in_utc.not_to_contain_text if javascript else in_utc.to_contain_text)("UTC")
        page.get_by_role("button", name="English").click()
        expect_status(page, "Paid")
