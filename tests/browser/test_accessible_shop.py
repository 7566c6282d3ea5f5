"""The shop's pages in every state under axe-core: on a small phone and at a desk, in the light and in the dark."""

from collections.abc import Iterator
from typing import Any, Literal

import pytest
from playwright.sync_api import Page

from tests.browser.accessibility import violations
from tests.browser.conftest import DESKTOP, Visit
from tests.browser.pages import assert_fits
from tests.browser.sales import Sale
from tests.browser.states import Shown, shop_pages
from tests.shop import Shop

pytestmark = pytest.mark.browser

LOOKS: list[tuple[int, Literal["light", "dark"]]] = [
    (360, "light"),
    (360, "dark"),
    (DESKTOP, "dark"),
    (DESKTOP, "light"),
]


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


# 1280 px at a zoom of 400 %: WCAG 1.4.10.
ZOOMED = 320
FOCUS = """() => {
  const one = document.activeElement, box = one.getBoundingClientRect(), style = getComputedStyle(one);
  const drawn = [style, getComputedStyle(one, "::after")].some((of) => of.outlineStyle !== "none");
  return { name: (one.textContent || one.name).trim(), drawn, seen: box.top >= 0 && box.bottom <= innerHeight };
}"""
BEYOND = """() => [...document.querySelectorAll("header *, main *, footer *")]
  .filter((one) => one.getBoundingClientRect().right > document.body.getBoundingClientRect().right)
  .map((one) => one.outerHTML.slice(0, 120))"""


def test_the_keyboard_alone_leads_through_a_page_and_out_of_it(visit: Visit) -> None:
    page = visit()
    page.goto("/item/1")
    met: list[dict[str, Any]] = []
    while not met or page.evaluate("document.activeElement !== document.body"):
        page.keyboard.press("Tab")
        met.append(page.evaluate(FOCUS))
        assert len(met) < 20, "a trap"
    *met, _ = met
    assert all(one["drawn"] and one["seen"] for one in met), met
    names = [one["name"] for one in met]
    assert names[:5] == ["Skip to the content", "Countersign", "Catalogue", "Basket", "Buy"]

    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate(FOCUS)["name"] == "Buy"


def test_nothing_is_cut_off_at_the_largest_zoom(shop: Shop, visit: Visit) -> None:
    page = visit(width=ZOOMED)
    sale = Sale(shop).check_out()
    pages = {"/": "", "/item/8": "", "/basket": Sale(shop).cookie, f"/order/{sale.number}": sale.cookie}
    for path, cookie in pages.items():
        shown = Shown(name=path, path=path, cookie=cookie)
        shown.open(page, shop)
        assert page.evaluate(BEYOND) == [], shown.name
