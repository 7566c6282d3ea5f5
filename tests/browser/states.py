"""The shop's pages in every state that they tell apart, for axe-core and for the contact sheet."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http import HTTPStatus

from django.http import HttpResponse
from django.middleware.csrf import REASON_CSRF_TOKEN_MISSING, REASON_NO_CSRF_COOKIE
from django.test import RequestFactory
from playwright.sync_api import Page, expect

from billing.gateway.errors import StripeRefused, StripeUnreachable
from core import views
from core.answers import answer_refusal, answer_unavailable
from core.refusals import NotFound, TooManyRequests
from tests.browser.pages import PATIENCE_MS
from tests.browser.sales import HAPPENINGS, SHEEPSKIN, Sale, paid, partly_refunded, quote_mismatched
from tests.shop import Shop


def stay(_page: Page) -> None:
    """The page is shown as it opens."""


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A page as one shopper sees it: `cookie` tells whose. With `answer` the shop is not asked."""

    name: str
    path: str
    cookie: str = ""
    answer: HttpResponse | None = None
    act: Callable[[Page], None] = stay

    def open(self, page: Page, shop: Shop) -> None:
        page.context.clear_cookies()
        if self.cookie:
            page.context.add_cookies([{"name": "shopper_id", "value": self.cookie, "url": shop.url}])
        address = f"{shop.url}{self.path}"
        if self.answer is not None:
            body, status = self.answer.content, self.answer.status_code
            page.route(address, lambda route: route.fulfill(status=status, body=body, content_type="text/html"))
        page.goto(address)
        self.act(page)


def shop_pages(shop: Shop) -> Iterator[Shown]:
    yield Shown(name="catalogue", path="/")
    yield Shown(name="item", path=f"/item/{SHEEPSKIN}")
    yield Shown(name="basket, empty", path="/basket")
    yield Shown(name="basket", path="/basket", cookie=Sale(shop).cookie)
    filled = Sale(shop, code="").cookie
    yield Shown(name="basket, refusing a code", path="/basket", cookie=filled, act=type_unknown_code)
    yield Shown(name="basket, refusing a quantity", path="/basket", cookie=filled, act=type_too_many)
    yield from order_pages(shop)
    yield from error_pages()


def order_pages(shop: Shop) -> Iterator[Shown]:
    waiting = Sale(shop).check_out()
    path, token = f"/order/{waiting.number}", token_of(shop, waiting)
    yield Shown(name="order, not paid", path=path, cookie=waiting.cookie)
    yield Shown(name="order, confirming", path=f"{path}?returned=1", cookie=waiting.cookie)
    yield Shown(name="order, in another browser", path=f"{path}?token={token}")
    yield Shown(name="payment", path=f"{path}/pay", cookie=waiting.cookie, act=wait_for_card_fields)
    yield Shown(name="payment, no form", path=f"{path}/pay", cookie=waiting.cookie, act=let_the_form_fail)
    for name, happen in HAPPENINGS.items():
        sale = Sale(shop).check_out()
        happen(sale)
        yield Shown(name=f"order, {name}", path=f"/order/{sale.number}", cookie=sale.cookie)
    sale = quote_mismatched(shop)
    yield Shown(name="order, mismatched", path=f"/order/{sale.number}", cookie=sale.cookie)
    free = Sale(shop, code="onthehouse").check_out()
    yield Shown(name="order, unconfirmed", path=f"/order/{free.number}", cookie=free.cookie)
    paid(free)
    yield Shown(name="order, complete", path=f"/order/{free.number}", cookie=free.cookie)
    yield from pages_of_a_refunded_order(shop)


def pages_of_a_refunded_order(shop: Shop) -> Iterator[Shown]:
    """Its receipt, and what is shown to who comes by a link that its shopper has closed."""
    sale = Sale(shop).check_out()
    partly_refunded(sale)
    path, token = f"/order/{sale.number}", token_of(shop, sale)
    yield Shown(name="receipt", path=f"{path}/receipt", cookie=sale.cookie)
    sale.post(f"{path}/revoke-links", generation=0)
    yield Shown(name="order, link closed", path=f"{path}?token={token}")


def token_of(shop: Shop, sale: Sale) -> str:
    """Of the link that Stripe sends the shopper back by, which opens the order in any browser."""
    sessions = shop.stripe.objects("checkout.session")
    [session] = [one for one in sessions if one["id"] == sale.session["session_id"]]
    return str(session["success_url"]).partition("token=")[2].partition("&")[0]


def error_pages() -> Iterator[Shown]:
    """Rendered here: what answers so can't be had from a shop that works."""
    read = RequestFactory().get("/", headers={"accept": "text/html"})
    sent = RequestFactory().post("/", headers={"accept": "text/html", "referer": "http://here/", "host": "here"})
    answers = {
        "nothing here": answer_refusal(read, NotFound()),
        "not allowed": views.permission_denied(read, PermissionError()),
        "no cookie": views.csrf_refused(sent, REASON_NO_CSRF_COOKIE),
        "old form": views.csrf_refused(sent, REASON_CSRF_TOKEN_MISSING),
        "too many requests": answer_refusal(sent, TooManyRequests()),
        "crashed": views.server_error(read),
        "Stripe refused": answer_refusal(sent, StripeRefused(reason="")),
        "Stripe away": answer_refusal(sent, StripeUnreachable()),
        "database away": answer_unavailable(read),
    }
    for name, answer in answers.items():
        assert answer.status_code >= HTTPStatus.BAD_REQUEST
        yield Shown(name=f"error, {name}", path=f"/error/{name.replace(' ', '-')}", answer=answer)


def type_unknown_code(page: Page) -> None:
    page.locator("input[name=code]").fill("unknown")
    page.locator("input[name=code]").press("Enter")
    expect(page.locator("#refused")).not_to_be_empty(timeout=PATIENCE_MS)
    expect(page.locator("input[name=code]")).to_be_focused()


def type_too_many(page: Page) -> None:
    """Past what the browser would hold back."""
    page.locator("form.quantity").first.evaluate("form => { form.noValidate = true; }")
    page.locator("input[name=quantity]:not([type=hidden])").first.fill("1000")
    page.get_by_role("button", name="Update").first.click()
    expect(page.locator("#refused")).not_to_be_empty(timeout=PATIENCE_MS)
    expect(page.locator("input[name=quantity]:not([type=hidden])").first).to_be_focused()


def wait_for_card_fields(page: Page) -> None:
    expect(page.locator("form[data-pay] button")).to_be_enabled(timeout=PATIENCE_MS)


def let_the_form_fail(page: Page) -> None:
    page.route("**/payment-intent", lambda route: route.fulfill(status=HTTPStatus.BAD_GATEWAY))
    page.reload()
    expect(page.locator("form[data-pay] [role=alert]")).not_to_be_empty(timeout=PATIENCE_MS)
    page.unroute("**/payment-intent")
