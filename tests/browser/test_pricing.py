"""What staff see of a discount while it is mirrored to Stripe by a real worker."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import PHONE, Visit
from tests.browser.pages import assert_fits
from tests.browser.test_admin import log_in
from tests.shop import Shop, wait_for

pytestmark = pytest.mark.browser


def named(shop: Shop, name: str) -> dict[str, list[float]]:
    """By account, what its coupons of that name take off."""
    return {
        account: [one["percent_off"] for one in shop.stripe.objects("coupon", account) if one["name"] == name]
        for account in ("default", "euro")
    }


def save(page: Page, **fields: str) -> None:
    for name, value in fields.items():
        page.locator(f"input[name={name}]").fill(value)
    page.locator("button[name=_continue]").click()
    expect(page.locator("text=successfully")).to_be_visible()


def expect_synced(page: Page, accounts: int = 2) -> None:
    """Reloaded until the worker is done."""

    def is_synced() -> bool:
        page.reload()
        return page.locator("#at-stripe td:nth-child(2)", has_text="synced").count() == accounts

    wait_for(is_synced, seconds=30)


class TestADiscount:
    def test_is_created_changed_and_deleted_while_stripe_fails(self, shop: Shop, visit: Visit) -> None:
        name = "Phone sale"
        page = visit(width=PHONE)
        log_in(page)
        page.goto("/admin/billing/discount/add/")
        shop.stripe.order_fault("http_500", "POST /v1/coupons", times=2)
        save(page, name=name, percent_off="15")
        expect_synced(page)
        assert_fits(page)
        assert named(shop, name) == {"default": [15], "euro": [15]}
        shop.stripe.order_fault("drop", "POST /v1/coupons", times=2)
        save(page, percent_off="20")
        expect_synced(page)
        wait_for(lambda: named(shop, name) == {"default": [20], "euro": [20]})
        page.locator("#at-stripe").get_by_text("Sync again").click()
        page.get_by_role("button", name="Sync again").click()
        expect(page.locator("text=Stripe is being asked again")).to_be_visible()
        expect_synced(page)
        page.goto(page.url.replace("/change/", "/delete/"))
        page.locator("text=Yes, I").click()
        wait_for(lambda: named(shop, name) == {"default": [], "euro": []}, seconds=30)
        for listed in ("discount", "discountmirror", "coupon"):
            page.goto(f"/admin/billing/{listed}/")
            assert_fits(page)
