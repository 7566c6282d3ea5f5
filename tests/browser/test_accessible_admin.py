"""The admin's main pages under axe-core: on a phone in the dark, at a desk in the light."""

from datetime import UTC, datetime

import pytest
from playwright.sync_api import expect

from tests.browser.accessibility import assert_accessible
from tests.browser.conftest import DESKTOP, PHONE, Visit
from tests.browser.sales import charge_of
from tests.browser.test_admin import log_in
from tests.shop import Shop, Shopper, wait_for

pytestmark = pytest.mark.browser


@pytest.fixture
def addresses(shop: Shop, shopper: Shopper) -> list[str]:
    """Of a disputed order, with its refund's form, of another that can be canceled, and of their books."""
    bought = shopper.buy()
    shop.stripe.pay(bought["url"])
    wait_for(lambda: charge_of(shop, bought["order_id"]))
    shop.stripe.dispute(charge_of(shop, bought["order_id"]))
    wait_for(lambda: shopper.read(f"/order/{bought['order_id']}")["dispute_state"] == "open")
    wait_for(lambda: shop.sql("SELECT 1 FROM finance_ledgerline"), seconds=40)
    shop.manage("reconcile").check_returncode()
    order, month = f"/admin/orders/order/{bought['order_id']}", f"{datetime.now(UTC):%Y-%m}"
    return [
        "/admin/",
        "/admin/orders/order/",
        f"{order}/change/",
        f"{order}/refund/",
        f"/admin/orders/order/{shopper.buy()['order_id']}/cancel/",
        "/admin/finance/ledgerline/",
        "/admin/finance/month/",
        f"/admin/finance/month/{month}/change/",
        "/admin/finance/reconciliation/default/change/",
        f"/admin/finance/reconciliation/default/month/{month}/",
        "/admin/finance/reconciliationexception/",
        "/admin/billing/discount/1/change/",
        "/admin/second-factor/",
    ]


def test_the_admin_is_accessible(addresses: list[str], visit: Visit) -> None:
    phone, desk = visit(width=PHONE), visit(width=DESKTOP)
    phone.emulate_media(color_scheme="dark")
    for page in (phone, desk):
        page.goto("/admin/")
        assert_accessible(page)
        log_in(page)
        for address in addresses:
            answer = page.goto(address)
            assert answer is not None
            assert answer.status == 200, address
            expect(page.locator("html")).to_have_class("dark" if page is phone else "")
            assert_accessible(page)
