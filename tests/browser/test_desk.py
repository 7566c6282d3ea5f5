"""Finance staff at work: a refund by line, and one action on many orders."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import DESKTOP, PHONE, Visit
from tests.browser.pages import assert_fits, expect_status, open_first_item, order_shown, pay, press_buy
from tests.browser.test_admin import log_in
from tests.shop import Shop

pytestmark = pytest.mark.browser


class TestARefund:
    @pytest.mark.parametrize("width", [PHONE, DESKTOP])
    def test_of_a_line_says_what_it_will_do_while_it_is_written(self, visit: Visit, shop: Shop, width: int) -> None:
        page = visit(width=width)
        press_buy(page)
        pay(page)
        number = order_shown(page)
        expect_status(page, "Paid")
        log_in(page)
        page.goto(f"/admin/orders/order/{number}/refund/")
        said = page.locator(".refund p").first
        expect(said).to_contain_text("18.50 USD goes back to the shopper")
        page.get_by_label("Lines of the order").check()
        expect(said).to_contain_text("… USD goes back")
        page.get_by_label("How many of Enamel mug").fill("1")
        expect(said).to_contain_text("18.50 USD goes back")
        page.get_by_label("How many of Enamel mug").fill("")
        page.get_by_label("How much of Enamel mug").fill("5.25")
        expect(said).to_contain_text("5.25 USD goes back")
        assert_fits(page)
        page.get_by_role("button", name="Refund").click()
        page.wait_for_url("**/change/")
        expect(page.locator(".timeline")).to_contain_text("A refund of $5.25 was asked for, for $5.25 of Enamel mug")
        assert_fits(page)
        [refund] = shop.stripe.objects("refund")[-1:]
        assert refund["amount"] == 525
        with page.expect_popup() as opened:
            page.locator(f'a[href*="{refund["id"]}"]', has_text="at Stripe").click()
        expect(opened.value.locator("h1")).to_have_text(refund["id"])
        page.goto(f"/order/{number}")
        expect_status(page, "Partly refunded")


class TestManyOrders:
    def test_are_canceled_on_a_page_that_follows_them(self, visit: Visit) -> None:
        page = visit()
        open_first_item(page)
        page.get_by_role("button", name="Buy").click()
        page.wait_for_url("http://localhost:*/c/pay/*")
        log_in(page)
        page.goto("/admin/orders/order/?state__exact=pending")
        page.locator("input[name=_selected_action]").first.check()
        page.locator("select[name=action]").select_option("orders.cancel")
        page.locator("#changelist-actions button[name=index], button[name=index]").first.click()
        expect(page.get_by_text("1 order will be canceled for good")).to_be_visible()
        page.get_by_role("button", name="Cancel orders").click()
        page.wait_for_url("**/admin/core/bulkrun/*/change/")
        expect(page.locator("#bulk-run")).to_contain_text("Of 1: 1 done, 0 refused, 0 left.", timeout=30_000)
        expect(page.locator("#bulk-run")).not_to_have_attribute("hx-trigger", re.compile("."))
        assert_fits(page)
