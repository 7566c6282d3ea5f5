"""An outage of our webhooks: Stripe has sent everything, nothing came, and nothing is sent again."""

from tests.chaos.outage import buy_and_pay
from tests.shop import Shop

PURCHASES = 20
MIRRORED = ("coupon.", "tax_rate.")


class TestPurchasesOfWhichNoWebhookCame:
    def test_are_all_brought_to_paid_by_the_backfill_and_by_it_once(self, shop: Shop) -> None:
        told_before = len(shop.told())
        shop.stripe.order_fault("webhook_drop", match="*", times=0)
        orders = [buy_and_pay(shop.url, shop.stripe, item) for item in (1, 4) for _ in range(PURCHASES // 2)]
        # The demo's discounts and taxes may still be told of from before.
        told = [delivery for delivery in shop.told()[told_before:] if not delivery["type"].startswith(MIRRORED)]
        assert {delivery["state"] for delivery in told} <= {"dropped"}

        # From where the last run ended, and again from long before.
        for options in ([], ["--since=1h"]):
            shop.manage("backfill", *options).check_returncode()
            states = shop.sql("SELECT state FROM orders_order WHERE id = ANY(%s)", orders)
            assert [row["state"] for row in states] == ["paid"] * PURCHASES
        paid = shop.sql(
            "SELECT stream FROM core_event WHERE kind = 'order.paid' AND stream = ANY(%s)",
            [f"order-{order}" for order in orders],
        )
        assert len(paid) == PURCHASES
        assert shop.findings("stripe_calls", "--open") == (0, [])
        assert shop.findings("replay", "--check") == (0, [])
        assert shop.findings("audit", "verify") == (0, [])
