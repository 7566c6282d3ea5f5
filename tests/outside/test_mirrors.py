"""Discounts and taxes edited in the admin, while Stripe fails twice each time; a worker mirrors them."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.shop import Row, Shop, wait_for
from tests.simulated import TIMEOUT

ACCOUNTS = ("default", "euro")
# A way of failing for each change.
FAULTS = ("http_500", "timeout_after", "http_429", "drop")
PATIENCE_SECONDS = 90


class Admin(requests.Session):
    """A member of staff who fills in the admin's forms."""

    def __init__(self, shop: Shop) -> None:
        super().__init__()
        self._url = f"{shop.url}/admin"
        self.submit("/login/", username="admin", password="root")

    def submit(self, path: str, **fields: str) -> str:
        """Submit a form, and the address that it leads to."""
        address = f"{self._url}{path}"
        self.get(address, timeout=TIMEOUT).raise_for_status()
        token = self.cookies["csrftoken"]
        answer = self.post(
            address,
            {"csrfmiddlewaretoken": token, **fields},
            headers={"Referer": address},
            allow_redirects=False,
            timeout=TIMEOUT,
        )
        assert answer.status_code == requests.codes.found, answer.text
        return answer.headers["Location"]


@pytest.fixture
def admin(shop: Shop) -> Iterator[Admin]:
    with Admin(shop) as staff:
        yield staff


def coupons(shop: Shop, account: str) -> list[tuple[Any, ...]]:
    """Those of the test, by name and terms."""
    found = [one for one in shop.stripe.objects("coupon", account) if str(one["name"]).startswith("Outside")]
    return [(one["name"], one["percent_off"], one["amount_off"]) for one in found]


def tax_rates(shop: Shop, account: str) -> list[tuple[Any, ...]]:
    found = [one for one in shop.stripe.objects("tax_rate", account) if one["display_name"].startswith("Outside")]
    return sorted((one["display_name"], one["percentage"], one["inclusive"], one["active"]) for one in found)


def fail_twice(shop: Shop, number: int) -> None:
    fault = FAULTS[number % len(FAULTS)]
    for path in ("POST /v1/coupons*", "DELETE /v1/coupons*", "POST /v1/tax_rates*"):
        shop.stripe.order_fault(fault, path, times=2, seconds=1)


def expect(shop: Shop, *, discount: list[tuple[Any, ...]], tax: list[tuple[Any, ...]]) -> None:
    """Once nothing is asked of Stripe any more, both accounts have exactly these."""

    def have_them() -> bool:
        return all((coupons(shop, one), tax_rates(shop, one)) == (discount, tax) for one in ACCOUNTS)

    wait_for(lambda: have_them() and not open_calls(shop), PATIENCE_SECONDS)
    assert have_them()


def open_calls(shop: Shop) -> list[Row]:
    return shop.sql("SELECT * FROM billing_stripecall WHERE state IN ('requested', 'unknown')")


def told(shop: Shop, stream: str) -> Counter[str]:
    events = shop.sql("SELECT kind FROM core_event WHERE stream = %s", stream)
    return Counter(event["kind"] for event in events)


def test_what_is_edited_in_the_admin_is_so_at_every_account_however_stripe_fails(shop: Shop, admin: Admin) -> None:
    sale = {"name": "Outside sale", "code": "OUTSIDE", "percent_off": "15", "amount_off": "", "currency": ""}
    vat = {"name": "Outside VAT", "percentage": "20", "inclusive": "on", "jurisdiction": "France", "country": "FR"}

    fail_twice(shop, 0)
    admin.submit("/billing/discount/add/", **sale)
    admin.submit("/billing/tax/add/", **vat)
    expect(shop, discount=[("Outside sale", 15, None)], tax=[("Outside VAT", 20, True, True)])

    discount = shop.sql("SELECT id FROM billing_discount WHERE code = 'OUTSIDE'")[0]["id"]
    tax = shop.sql("SELECT id FROM billing_tax WHERE name = 'Outside VAT'")[0]["id"]
    fail_twice(shop, 1)
    admin.submit(f"/billing/discount/{discount}/change/", **sale | {"name": "Outside autumn"})
    admin.submit(f"/billing/tax/{tax}/change/", **vat | {"name": "Outside TVA"})
    expect(shop, discount=[("Outside autumn", 15, None)], tax=[("Outside TVA", 20, True, True)])

    fail_twice(shop, 2)
    admin.submit(f"/billing/discount/{discount}/change/", **sale | {"percent_off": "20"})
    admin.submit(f"/billing/tax/{tax}/change/", **vat | {"percentage": "5.5"})
    replaced = [("Outside TVA", 20, True, False), ("Outside VAT", 5.5, True, True)]
    expect(shop, discount=[("Outside sale", 20, None)], tax=replaced)

    fail_twice(shop, 3)
    admin.submit(f"/billing/discount/{discount}/delete/", post="yes")
    admin.submit(f"/billing/tax/{tax}/delete/", post="yes")
    retired = [("Outside TVA", 20, True, False), ("Outside VAT", 5.5, True, False)]
    expect(shop, discount=[], tax=retired)

    # At two accounts: made, renamed, made anew and the old one taken away, taken away.
    for stream in (f"discount-{discount}", f"tax-{tax}"):
        kind = stream.partition("-")[0]
        assert told(shop, stream) >= Counter({f"{kind}.sync_requested": 4, f"{kind}.synced": 2 * 5})
    assert shop.findings("replay", "--check") == (0, [])
