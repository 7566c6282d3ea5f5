"""What staff see of an order that a shopper has paid."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import DESKTOP, PHONE, Visit
from tests.browser.pages import assert_fits, expect_status, order_shown, pay, press_buy
from tests.shop import Shop

pytestmark = pytest.mark.browser

LISTS = ["orders/order", "orders/item", "billing/stripecall", "webhooks/delivery", "core/event"]


@pytest.fixture
def order_id(shop: Shop, visit: Visit) -> int:
    """An order that one delivery has paid: others, which tell the same, would come now before it, now after it."""
    for others in ("payment_intent.*", "charge.*"):
        shop.stripe.order_fault("webhook_drop", match=others, times=0)
    page = visit()
    press_buy(page)
    pay(page)
    number = order_shown(page)
    expect_status(page, "Paid")
    return number


def log_in(page: Page, name: str = "admin") -> None:
    page.goto("/admin/")
    page.locator("input[name=username]").fill(name)
    page.locator("input[name=password]").fill("root")
    page.locator("button[type=submit]").click()
    page.wait_for_url("**/admin/")


class TestStaff:
    @pytest.mark.parametrize("width", [PHONE, DESKTOP])
    def test_follow_an_order_from_drafted_to_paid(self, visit: Visit, order_id: int, width: int) -> None:
        page = visit(width=width)
        log_in(page)
        page.goto(f"/admin/orders/order/{order_id}/change/")
        assert_fits(page)
        timeline = page.locator(".timeline [data-kind]")
        kinds = timeline.evaluate_all("rows => rows.map(row => row.dataset.kind)")
        assert [kind for kind in kinds if kind != "order.mail_sent"] == [  # which comes when the worker gets to it
            "order.drafted",
            "order.line_set",
            "order.placed",
            "stripe.call.requested",
            "stripe.call.attempted",
            "stripe.call.succeeded",
            "order.checkout_opened",
            "checkout.session.completed",
            "order.checkout_closed",
            "order.payment_updated",
            "order.paid",
        ]
        delivery = timeline.filter(has_text="Stripe delivered").get_by_role("link").first
        delivery.click()
        page.wait_for_url("**/admin/webhooks/delivery/*/change/")
        assert_fits(page)

    @pytest.mark.parametrize("width", [PHONE, DESKTOP])
    def test_refund_what_they_read_that_they_will(self, visit: Visit, order_id: int, width: int) -> None:
        page = visit(width=width)
        log_in(page)
        page.goto(f"/admin/orders/order/{order_id}/change/")
        page.get_by_role("link", name="Refund", exact=True).click()
        assert_fits(page)
        sentence = page.locator(".refund p").first
        expect(sentence).to_contain_text("18.50 USD goes back to the shopper, which can't be undone, from payment pi_")
        page.get_by_label("Amount").fill("5.25")
        expect(sentence).to_contain_text("5.25 USD goes back to the shopper")
        page.get_by_role("button", name="Refund").click()
        expect(page.get_by_text("Stripe accepted the refund of $5.25.")).to_be_visible()
        expect(page.get_by_text("Partially refunded, since some of its money was given back")).to_be_visible()
        assert_fits(page)

    @pytest.mark.parametrize("width", [PHONE, DESKTOP])
    def test_find_every_list(self, visit: Visit, order_id: int, width: int) -> None:
        page = visit(width=width)
        log_in(page)
        for path in LISTS:
            answer = page.goto(f"/admin/{path}/")
            assert answer is not None
            assert answer.status == 200
            assert page.locator("#result_list tbody tr").count() > 0
            assert_fits(page)
