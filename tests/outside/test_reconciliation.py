"""Stripe's books and ours, compared by a worker: books that were tampered with are told of, thing by thing."""

from collections.abc import Iterator

import pytest

from tests.chaos.outage import buy_and_pay
from tests.shop import Row, Shop, new_shop, wait_for
from tests.simulated import ACCOUNT_KEYS

DAY = 24 * 60 * 60
DOLLARS, OURS = 1, "default"


def paid(shop: Shop, count: int) -> list[Row]:
    """Orders that the webhooks have brought to paid, with the charge of each."""
    orders = [buy_and_pay(shop.url, shop.stripe, DOLLARS) for _ in range(count)]
    statement = "SELECT order_id, source_id FROM orders_payment WHERE source = 'charge' AND order_id = ANY(%s)"
    wait_for(lambda: len(shop.sql(statement, orders)) == count)
    return shop.sql(f"{statement} ORDER BY order_id", orders)


def pass_days(shop: Shop) -> None:
    """At Stripe; something is sold then, so that its books are known to be that far."""
    shop.stripe.advance(2 * DAY)
    paid(shop, 1)


def reconciled_by_worker(shop: Shop) -> None:
    """As the job of each day: deferred, and done by the worker."""
    counted = "SELECT count(*) AS runs FROM core_event WHERE kind = 'reconciliation.run' AND stream = %s"
    [before] = shop.sql(counted, f"reconciliation-{OURS}")
    shop.sql(
        "INSERT INTO procrastinate_jobs (queue_name, task_name, args) VALUES ('default', 'finance.reconcile', %s)",
        '{"timestamp": 0}',
    )
    wait_for(lambda: shop.sql(counted, f"reconciliation-{OURS}")[0]["runs"] > before["runs"], 30)


def exceptions(shop: Shop) -> tuple[int, set[tuple[str, str, int | None]]]:
    code, found = shop.findings("reconcile", f"--account={OURS}")
    rows = [row for row in found if row["finding"] == "exception"]
    return code, {(row["kind"], row["object_id"], row["order_id"]) for row in rows}


@pytest.fixture
def shop() -> Iterator[Shop]:
    """A shop of its own: Stripe's clock is moved."""
    with new_shop() as shop:
        yield shop


class TestBooksThatWereTamperedWith:
    def test_have_three_exceptions_exactly_and_none_once_they_are_repaired(self, shop: Shop) -> None:
        hidden, altered, *_ = paid(shop, 4)
        pass_days(shop)
        assert exceptions(shop) == (0, set())

        shop.stripe.distort_books(hide=hidden["source_id"])
        lines = shop.stripe.objects("balance_transaction")
        line = next(one for one in lines if one["source"] == altered["source_id"])
        shop.stripe.distort_books(source=altered["source_id"], fee=line["fee"] + 12)
        foreign = shop.stripe.distort_books(foreign=ACCOUNT_KEYS[OURS], amount=3000)["id"]
        pass_days(shop)
        reconciled_by_worker(shop)
        assert exceptions(shop) == (
            1,
            {
                ("ours_without_theirs", hidden["source_id"], hidden["order_id"]),
                ("fee_differs", line["id"], altered["order_id"]),
                ("theirs_without_ours", foreign, None),
            },
        )

        shop.stripe.distort_books(show=hidden["source_id"])
        shop.stripe.distort_books(source=altered["source_id"], fee=line["fee"])
        shop.stripe.distort_books(hide=foreign)
        reconciled_by_worker(shop)
        assert exceptions(shop) == (0, set())
        assert shop.findings("replay", "--check") == (0, [])
        assert shop.findings("audit", "verify") == (0, [])
