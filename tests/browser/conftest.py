"""A real Chromium, driven by Playwright, and what it complains about on the shop's pages."""

from collections.abc import Iterator
from typing import Protocol

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, WebError

from tests.browser.chromium import running_chromium
from tests.browser.pages import PATIENCE_MS
from tests.shop import Shop

DESKTOP, PHONE = 1280, 390


class Visit(Protocol):
    """Opens a page as a new visitor, who shares no cookie with any other."""

    def __call__(self, *, width: int = DESKTOP, javascript: bool = True) -> Page: ...


# Not longer than these tests: while Playwright runs, Django refuses to query its database from this thread.
@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    with running_chromium() as browser:
        yield browser


@pytest.fixture
def complaints() -> list[str]:
    """Errors and warnings of the console, violations of the Content-Security-Policy among them; a test may allow some
    by removing them.
    """
    return []


@pytest.fixture
def visit(chromium: Browser, shop: Shop, complaints: list[str]) -> Iterator[Visit]:
    """Fails the test on whose pages the console complained."""
    contexts: list[BrowserContext] = []

    def open_page(*, width: int = DESKTOP, javascript: bool = True) -> Page:
        context = chromium.new_context(
            base_url=shop.url, java_script_enabled=javascript, viewport={"width": width, "height": 800}
        )
        contexts.append(context)
        context.set_default_timeout(PATIENCE_MS)
        context.on("console", note_message)
        context.on("weberror", note_error)
        return context.new_page()

    def note_message(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            complaints.append(message.text)

    def note_error(error: WebError) -> None:
        complaints.append(str(error.error))

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []
