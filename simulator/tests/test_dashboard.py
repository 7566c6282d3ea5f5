"""The page that stands in for Stripe's dashboard."""

import requests

from simulator.state import account_id
from simulator.tests.running import Shop


def shown(shop: Shop, place: str) -> requests.Response:
    return requests.get(f"{shop.simulator.url}/dashboard/{place}", timeout=10)


class TestAnObject:
    def test_is_shown_in_its_account_and_mode(self, shop: Shop) -> None:
        charge = shop.buy()
        for place in (f"{account_id(shop.key)}/test/payments/{charge.payment_intent}", f"test/payments/{charge.id}"):
            page = shown(shop, place)
            assert (page.status_code, str(charge.payment_intent) in page.text) == (200, True)

    def test_is_not_shown_elsewhere(self, shop: Shop) -> None:
        charge = shop.buy()
        own = account_id(shop.key)
        for place in (
            f"acct_1other/test/payments/{charge.payment_intent}",
            f"{own}/payments/{charge.payment_intent}",
            f"{own}/test/refunds/{charge.payment_intent}",
            f"{own}/test/payments/pi_none",
        ):
            assert shown(shop, place).status_code == 404
