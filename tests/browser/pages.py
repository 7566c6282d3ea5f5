"""What a person does on the shop's pages and at Stripe's."""

from urllib.parse import urlsplit

from playwright.sync_api import Page, expect

from tests.shop import wait_for

PATIENCE_MS = 15_000
PAYS, DECLINED = "4242424242424242", "4000000000000002"


def open_first_item(page: Page) -> None:
    page.goto("/")
    page.locator("main li a").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Enamel mug")


def press_buy(page: Page) -> None:
    open_first_item(page)
    page.get_by_role("button", name="Buy").click()


def reach_stripe(page: Page) -> None:
    """It is another site."""
    page.wait_for_url("http://localhost:*/c/pay/*")


def pay(page: Page, card: str = PAYS) -> None:
    reach_stripe(page)
    for field, value in {"email": "shopper@example.com", "card_number": card, "exp": "12/40", "cvc": "123"}.items():
        page.locator(f"input[name={field}]").fill(value)
    page.locator("button[name=pay]").click()


def order_shown(page: Page) -> int:
    """The number of the order whose page it is, or becomes."""
    page.wait_for_url("http://127.0.0.1:*/order/*")
    return int(urlsplit(page.url).path.removeprefix("/order/"))


def expect_status(page: Page, text: str) -> None:
    expect(page.locator("#status")).to_have_text(text, timeout=PATIENCE_MS)


def look_until(page: Page, text: str, *, again: str = "Look again") -> None:
    """As without JavaScript: by the link that loads the page anew, while it tells to wait."""
    wait_for(lambda: status_after_a_look(page, again) == text, seconds=PATIENCE_MS / 1000)


def status_after_a_look(page: Page, again: str) -> str:
    if (link := page.get_by_role("link", name=again)).count():
        link.click()
    return page.locator("#status").inner_text().strip()


def assert_fits(page: Page) -> None:
    """Nobody has to scroll sideways."""
    page.wait_for_load_state()
    wide, seen = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert wide <= seen, page.url
