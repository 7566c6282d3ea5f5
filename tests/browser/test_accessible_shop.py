"""The shop's pages in every state under axe-core, on a small phone in the dark, at a desk in the light."""

from collections.abc import Iterator
from typing import Literal

import pytest
from playwright.sync_api import Page

from tests.browser.accessibility import violations
from tests.browser.conftest import DESKTOP, Visit
from tests.browser.pages import assert_fits
from tests.browser.states import shop_pages
from tests.shop import Shop

pytestmark = pytest.mark.browser

# Colors don't depend on the width, nor the layout on the scheme.
LOOKS: list[tuple[int, Literal["light", "dark"]]] = [(360, "dark"), (DESKTOP, "light")]


def test_every_state_of_the_shop_is_accessible(shop: Shop, visit: Visit, complaints: list[str]) -> None:
    page = visit()
    found = []
    for shown in shop_pages(shop):
        shown.open(page, shop)
        found += [f"{shown.name}, {one}" for one in violations_anywhere(page)]
    assert not found, "\n".join(found)
    # Of the errors that were wanted.
    assert all("status of" in one for one in complaints)
    complaints.clear()


def violations_anywhere(page: Page) -> Iterator[str]:
    for width, scheme in LOOKS:
        page.set_viewport_size({"width": width, "height": 800})
        page.emulate_media(color_scheme=scheme)
        assert_fits(page)
        yield from (f"{width} px, {scheme}: {one}" for one in violations(page))
