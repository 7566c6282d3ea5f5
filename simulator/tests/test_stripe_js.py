"""The stand-in Stripe.js in a real Chromium, on a page of another origin."""

import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, FrameLocator, Page, expect

from simulator.tests.running import RunningSimulator, Shop, wait_until
from simulator.tests.shop_page import ShopPage
from tests.browser.chromium import running_chromium

pytestmark = pytest.mark.browser

DECLINED, AUTHENTICATES = "4000000000000002", "4000002500003155"
# Resolves to the first event that the element fires.
BEGIN = """([key, secret, target, options]) => new Promise((resolve) => {
    window.told = [];
    window.stripe = Stripe(key);
    window.elements = stripe.elements({ clientSecret: secret, ...options });
    const payment = elements.create("payment");
    for (const event of ["ready", "change", "loaderror"]) {
        payment.on(event, (value) => {
            told.push([event, value]);
            resolve(told[0]);
        });
    }
    payment.mount(target === "selector" ? "#payment" : document.querySelector("#payment"));
})"""
CONFIRM = """async ([redirect, more]) => {
    const confirmParams = { return_url: `${location.origin}/back?order=7`, ...more };
    return await stripe.confirmPayment({ elements, confirmParams, redirect });
}"""


# Not longer than these tests: while Playwright runs, Django refuses to query its database from this thread.
@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with running_chromium() as browser:
        yield browser


@pytest.fixture
def complaints() -> list[str]:
    """What the console says, violations of a policy among it; a test may allow some by removing them."""
    return []


@pytest.fixture
def page(chromium: Browser, simulator: RunningSimulator, complaints: list[str]) -> Iterator[Page]:
    """The shop's page, on which nothing may be complained about."""
    with ShopPage(simulator.url) as shop_page:
        page = chromium.new_page(base_url=shop_page.url)
        page.set_default_timeout(10_000)
        # A refused card or key is answered with an error's status, which Chromium reports.
        page.on(
            "console", lambda message: complaints.append(message.text) if "status of 4" not in message.text else None
        )
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto("/pay")
        yield page
        page.close()
    assert complaints == []


def begin(page: Page, secret: str | None, *, target: str = "selector", **options: Any) -> FrameLocator:
    """Mount the element; answers its fields."""
    page.evaluate(BEGIN, ["pk_test_any", secret, target, options])
    return page.frame_locator("iframe[title='Secure payment input frame']")


def fill_card(fields: FrameLocator, number: str = "4242424242424242") -> None:
    fields.get_by_label("Card number").fill(number)
    fields.get_by_label("Expiration date").fill("12/40")
    fields.get_by_label("Security code").fill("123")


def confirm(page: Page, redirect: str = "always", **params: Any) -> Any:
    """What `confirmPayment` resolves to; for what leaves the page, `leave` is right."""
    return page.evaluate(CONFIRM, [redirect, params])


def leave(page: Page, address: str) -> str:
    page.evaluate(f"([redirect, more]) => {{ ({CONFIRM})([redirect, more]); }}", ["always", {}])
    page.wait_for_url(address)
    return page.url


class TestPaying:
    @pytest.mark.parametrize("target", ["selector", "element"])
    def test_a_card_pays_and_leads_to_the_return_url(self, page: Page, shop: Shop, target: str) -> None:
        intent = shop.open_intent()
        fields = begin(page, intent.client_secret, target=target)
        fill_card(fields)
        url = leave(page, "**/back?*")
        query = f"payment_intent={intent.id}&payment_intent_client_secret={intent.client_secret}"
        assert url.endswith(f"/back?order=7&{query}&redirect_status=succeeded")
        assert shop.stripe.v1.payment_intents.retrieve(intent.id).status == "succeeded"

    def test_without_need_to_leave_the_page_it_resolves(self, page: Page, shop: Shop) -> None:
        intent = shop.open_intent()
        fill_card(begin(page, intent.client_secret))
        billing = {"billing_details": {"email": "ada@example.com"}}
        answer = confirm(page, "if_required", payment_method_data=billing)
        assert answer["paymentIntent"]["status"] == "succeeded"
        assert shop.stripe.v1.charges.list().data[0].billing_details.email == "ada@example.com"

    def test_a_declined_card_resolves_to_stripes_error_and_another_pays(self, page: Page, shop: Shop) -> None:
        intent = shop.open_intent()
        fields = begin(page, intent.client_secret)
        fill_card(fields, DECLINED)
        error = confirm(page)["error"]
        assert {name: error[name] for name in ("type", "code", "decline_code", "message")} == {
            "type": "card_error",
            "code": "card_declined",
            "decline_code": "generic_decline",
            "message": "Your card was declined.",
        }
        fill_card(fields)
        assert "redirect_status=succeeded" in leave(page, "**/back?*")

    @pytest.mark.parametrize(("button", "status"), [("Complete", "succeeded"), ("Fail", "failed")])
    def test_a_card_may_have_to_be_confirmed_elsewhere(self, page: Page, shop: Shop, button: str, status: str) -> None:
        intent = shop.open_intent()
        fill_card(begin(page, intent.client_secret), AUTHENTICATES)
        leave(page, f"{shop.simulator.url}/c/3ds/{intent.id}")
        page.get_by_role("button", name=button).click()
        page.wait_for_url(f"**/back?order=7&*redirect_status={status}")

    @pytest.mark.parametrize(("outcome", "settled"), [("succeeds", "succeeded"), ("fails", "requires_payment_method")])
    def test_a_bank_debit_is_pending_and_settles_later(
        self, page: Page, shop: Shop, outcome: str, settled: str
    ) -> None:
        intent = shop.open_intent(currency="eur")
        fields = begin(page, intent.client_secret)
        fields.get_by_label("Bank debit").check()
        expect(fields.get_by_label("Card number")).to_be_hidden()
        fields.get_by_label(outcome).check()
        assert "redirect_status=pending" in leave(page, "**/back?*")
        assert shop.stripe.v1.payment_intents.retrieve(intent.id).status == "processing"
        shop.simulator.control("POST", "advance", seconds=3 * 24 * 60 * 60)
        assert shop.stripe.v1.payment_intents.retrieve(intent.id).status == settled


class TestTheFields:
    def test_slips_are_shown_and_nothing_is_sent(self, page: Page, shop: Shop) -> None:
        fields = begin(page, shop.open_intent().client_secret)
        fields.get_by_label("Card number").fill("4242424242424241")
        error = confirm(page)["error"]
        assert (error["type"], error["code"]) == ("validation_error", "invalid_number")
        expect(fields.get_by_text("Your card number is invalid.")).to_be_visible()
        expect(fields.get_by_text("Your card's expiration date is incomplete.")).to_be_visible()
        expect(fields.get_by_label("Card number")).to_be_focused()
        fill_card(fields)
        expect(fields.get_by_text("Your card number is invalid.")).to_have_count(0)
        assert shop.event_types() == ["payment_intent.created"]

    def test_submit_checks_them_before_the_shop_asks_for_anything(self, page: Page, shop: Shop) -> None:
        fields = begin(page, shop.open_intent().client_secret)
        assert page.evaluate("elements.submit()")["error"]["code"] == "incomplete_number"
        fill_card(fields)
        assert page.evaluate("elements.submit()") == {"selectedPaymentMethod": "card"}

    def test_the_page_hears_what_changes_but_not_what_is_typed(self, page: Page, shop: Shop) -> None:
        fields = begin(page, shop.open_intent().client_secret)
        assert page.evaluate("told") == [["ready", {"elementType": "payment"}]]
        fields.get_by_label("Card number").press_sequentially("42424242")
        expect(fields.get_by_label("Card number")).to_have_value("4242 4242")
        fill_card(fields)
        fields.get_by_label("Bank debit").check()
        changes = [value for event, value in page.evaluate("told") if event == "change"]
        assert changes[0] == {
            "elementType": "payment",
            "collapsed": False,
            "complete": False,
            "empty": False,
            "value": {"type": "card"},
        }
        assert [changes[-2]["complete"], changes[-1]["value"]] == [True, {"type": "bank_debit"}]
        assert "4242" not in str(changes)

    def test_the_frame_is_as_high_as_what_it_shows(self, page: Page, shop: Shop) -> None:
        fields = begin(page, shop.open_intent().client_secret)
        height: Callable[[], int] = partial(page.evaluate, "document.querySelector('iframe').offsetHeight")
        wait_until(lambda: height() > 200)
        closed = height()
        fields.get_by_text("test cards").click()
        wait_until(lambda: height() > closed + 100)
        assert fields.locator("html").evaluate("html => html.scrollHeight <= html.clientHeight")

    def test_they_wear_the_shops_colours(self, page: Page, shop: Shop) -> None:
        appearance = {"theme": "night", "variables": {"colorPrimary": "rgb(1, 2, 3)", "colour": "red"}}
        fields = begin(page, shop.open_intent().client_secret, appearance=appearance)
        assert (
            fields.get_by_label("Bank debit").evaluate("input => getComputedStyle(input).accentColor") == "rgb(1, 2, 3)"
        )
        assert (
            fields.get_by_label("Card number").evaluate("input => getComputedStyle(input).color")
            == "rgb(242, 244, 250)"
        )
        page.evaluate("elements.update({ appearance: { theme: 'stripe' } })")
        wait_until(
            lambda: (
                fields.get_by_label("Card number").evaluate("input => getComputedStyle(input).color")
                == "rgb(26, 31, 54)"
            )
        )


class TestWhatGoesWrong:
    def test_an_unknown_intent_is_an_error_of_loading(self, page: Page) -> None:
        begin(page, "pi_none_secret_none")
        [[event, told]] = page.evaluate("told")
        assert (event, told["error"]["code"]) == ("loaderror", "resource_missing")

    def test_a_lost_connection_is_said(self, page: Page, shop: Shop, complaints: list[str]) -> None:
        fill_card(begin(page, shop.open_intent().client_secret))
        page.route("**/confirm", lambda route: route.abort())
        assert confirm(page)["error"]["type"] == "api_connection_error"
        assert complaints == ["Failed to load resource: net::ERR_FAILED"]
        complaints.clear()

    @pytest.mark.parametrize(
        ("script", "message"),
        [
            ("Stripe('sk_test_1')", "publishable key"),
            ("Stripe('pk_test_1').elements({})", "clientSecret"),
            ("elementsOf('pi_1_secret_1').create('card')", "no Element of type card"),
            ("elementsOf('pi_1_secret_1').submit()", "Create and mount"),
            (
                "elementsOf('pi_1_secret_1').create('payment').mount('#nowhere')",
                "applies to no DOM elements",
            ),
            ("Stripe('pk_test_1').confirmPayment({})", "expected the elements object"),
            (
                "Stripe('pk_test_1').confirmPayment({elements: elementsOf('pi_1_secret_1')})",
                "return_url` is required",
            ),
        ],
    )
    def test_misuse_is_thrown_at_the_programmer(self, page: Page, script: str, message: str) -> None:
        attempt = f"try {{ await {script} }} catch (error) {{ return [error.name, error.message] }}"
        elements_of = "const elementsOf = (clientSecret) => Stripe('pk_test_1').elements({ clientSecret });"
        thrown = page.evaluate(f"async () => {{ {elements_of} {attempt} }}")
        assert thrown[0] == "IntegrationError"
        assert message in thrown[1]


class TestRetrieving:
    def test_the_page_that_is_come_back_to_asks_how_it_went(self, page: Page, shop: Shop) -> None:
        intent = shop.open_intent()
        ask = "secret => Stripe('pk_test_any').retrievePaymentIntent(secret)"
        assert page.evaluate(ask, intent.client_secret)["paymentIntent"]["status"] == "requires_payment_method"
        assert page.evaluate(ask, f"{intent.id}_secret_guess")["error"]["code"] == "resource_missing"


def test_the_frame_is_free_of_inline_script_and_style(simulator: RunningSimulator) -> None:
    answer = requests.get(f"{simulator.url}/js/elements/payment", timeout=5)
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?! src=)", answer.text)
