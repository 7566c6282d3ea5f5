"""/metrics of a running shop: of two web processes together, also when they are killed, and of the worker."""

import sys

import pytest

from tests.exposed import sample
from tests.shop import Shop, Shopper, wait_for

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process's children by its id")

OPENED = {"way": "session", "outcome": "opened"}
CHECKOUTS = "countersign_checkout_seconds_count"


class TestTheMetricsOfTheShop:
    def test_are_the_sums_of_its_processes_whichever_is_asked_and_outlive_them(
        self, shop: Shop, shopper: Shopper
    ) -> None:
        before = sample(shop.metrics().text, CHECKOUTS, **OPENED)
        for _ in range(4):
            shopper.buy()
        assert {sample(shop.metrics().text, CHECKOUTS, **OPENED) for _ in range(8)} == {before + 4}
        shop.kill_web_workers()
        wait_for(lambda: answers(shop))
        assert sample(shop.metrics().text, CHECKOUTS, **OPENED) == before + 4

    def test_are_the_workers_at_its_own_port_for_the_same_token(self, shop: Shop, shopper: Shopper) -> None:
        swept = {"task": "billing.sweep_open_calls", "outcome": "succeeded"}
        wait_for(lambda: sample(of_worker(shop), "countersign_job_seconds_count", **swept) > 0, seconds=40)
        assert "countersign_database_up" not in of_worker(shop)
        assert shop.metrics(shop.metrics_port, token="another-token-than-that").status_code == 404


def of_worker(shop: Shop) -> str:
    answer = shop.metrics(shop.metrics_port)
    assert answer.status_code == 200
    return answer.text


def answers(shop: Shop) -> bool:
    try:
        return shop.metrics().status_code == 200
    except OSError:
        return False
