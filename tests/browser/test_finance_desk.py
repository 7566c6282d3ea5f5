"""A finance operator refunds a line: found by Stripe's id, seen by the shopper, exported, and the books balance."""

import csv
from collections import Counter
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path

import openpyxl
import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import DESKTOP, PHONE, Visit
from tests.browser.pages import assert_fits, expect_status, order_shown, pay
from tests.browser.test_admin import log_in
from tests.browser.test_basket import fill_basket
from tests.shop import Shop, wait_for

pytestmark = pytest.mark.browser

LINES = ["Enamel mug", "Campfire cookbook"]


@pytest.mark.parametrize("width", [PHONE, DESKTOP])
def test_a_line_is_refunded_and_the_ledger_balances(visit: Visit, shop: Shop, tmp_path: Path, width: int) -> None:
    shopper = visit(width=width)
    fill_basket(shopper, LINES)
    shopper.get_by_role("button", name="Go to checkout").click()
    pay(shopper)
    number = order_shown(shopper)
    expect_status(shopper, "Paid")
    intent = shop.stripe.objects("payment_intent")[-1]

    desk = visit(width=width)
    log_in(desk, "operator")
    find(desk, intent["id"])
    desk.get_by_role("link", name=f"Order {number}", exact=True).click()
    refund_line(desk, LINES[0])
    refund = shop.stripe.objects("refund")[-1]
    assert (refund["payment_intent"], refund["amount"]) == (intent["id"], 1850)
    expect(desk.locator(".timeline")).to_contain_text("A refund of $18.50 succeeded", timeout=30_000)
    assert_fits(desk)
    shopper.reload()
    expect_status(shopper, "Partly refunded")
    expect(shopper.locator("main")).to_contain_text("$18.50")

    wait_for(lambda: booked(shop, number), seconds=40)
    desk.goto(f"/admin/finance/ledgerline/?q={number}")
    assert_fits(desk)
    ours = exported(desk, "CSV", tmp_path)
    assert {line["movement"] for line in ours} == {"sale", "payment", "refund"}
    assert balances(ours)["cash", "usd"] == intent["amount"] - 1850
    assert balances(ours)["receivable", "usd"] == 0

    desk.goto("/admin/finance/ledgerline/")
    everything = exported(desk, "XLSX", tmp_path)
    assert len(everything) >= len(ours)
    debits, credited = (sums_of(everything, side) for side in ("debit", "credit"))
    assert debits == credited
    assert debits["usd"] > 0
    assert sum(balances(everything).values()) == 0

    desk.goto("/admin/")
    expect(desk.get_by_role("heading", name="What needs a person")).to_be_visible()
    assert_fits(desk)


def find(desk: Page, stripe_id: str) -> None:
    desk.goto("/admin/orders/order/")
    desk.locator("#searchbar").fill(stripe_id)
    desk.locator("#searchbar").press("Enter")
    desk.wait_for_url(f"**q={stripe_id}*")
    expect(desk.locator("#result_list tbody tr")).to_have_count(1)
    assert_fits(desk)


def refund_line(desk: Page, name: str) -> None:
    desk.get_by_role("link", name="Refund", exact=True).click()
    desk.get_by_label("Lines of the order").check()
    desk.get_by_label(f"How many of {name}").fill("1")
    assert_fits(desk)
    desk.get_by_role("button", name="Refund").click()
    desk.wait_for_url("**/change/")


def booked(shop: Shop, order: int) -> bool:
    """The worker's projection follows the log every 15 seconds."""
    lines = shop.sql("SELECT movement FROM finance_ledgerline WHERE order_id = %s", order)
    return {"sale", "payment", "refund"} <= {line["movement"] for line in lines}


def exported(desk: Page, file_format: str, folder: Path) -> list[dict[str, object]]:
    """What the export of the list shown holds, by head."""
    with desk.expect_download() as download:
        desk.get_by_role("link", name=file_format, exact=True).click()
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    if file_format == "CSV":
        with path.open(encoding="utf-8-sig", newline="") as file:
            return [dict(row) for row in csv.DictReader(file)]
    rows = openpyxl.load_workbook(path, read_only=True).worksheets[0].iter_rows(values_only=True)
    heads = [str(head) for head in next(rows)]
    return [dict(zip(heads, row, strict=True)) for row in rows]


def sums_of(lines: Iterable[dict[str, object]], side: str) -> Counter[str]:
    """By currency, in minor units."""
    sums: Counter[str] = Counter()
    for line in lines:
        sums[str(line["currency"])] += int(str(line[side]))
    return sums


def balances(lines: Iterable[dict[str, object]]) -> Counter[tuple[str, str]]:
    """Debits less credits by ledger account and currency."""
    sums: Counter[tuple[str, str]] = Counter()
    for line in lines:
        currency = str(line["currency"])
        sums[str(line["debit_account"]), currency] += int(Decimal(str(line["debit"])))
        sums[str(line["credit_account"]), currency] -= int(Decimal(str(line["credit"])))
    return sums
