"""The shop's first pages are light, and nobody else hears of a visit before its checkout."""

import pytest

from tests.browser.conftest import DESKTOP, PHONE, Visit
from tests.browser.weight import ADDRESSES, load
from tests.shop import Shop

pytestmark = pytest.mark.browser

MOST_BYTES = 50_000  # here they come as they are; in production compressed


@pytest.mark.parametrize("width", [PHONE, DESKTOP])
def test_a_cold_load_is_light_and_ours_alone(shop: Shop, visit: Visit, width: int) -> None:
    for path in ADDRESSES.values():
        loaded = load(visit(width=width), f"{shop.url}{path}")
        assert loaded.received < MOST_BYTES
        assert loaded.requests >= 2
        assert loaded.origins == {shop.url}
