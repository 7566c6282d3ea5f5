"""An outage of our webhooks: Stripe has sent everything, nothing came, and nothing is sent again."""

from tests.chaos.outage import buy_and_pay
from tests.shop import Shop
from tests.simulated import ACCOUNT_KEYS, Event

PURCHASES = 20


class TestPurchasesOfWhichNoWebhookCame:
    def test_are_all_brought_to_paid_by_the_backfill_and_by_it_once(self, shop: Shop) -> None:
        shop.stripe.order_fault("webhook_drop", match="*", times=0)
        orders = [buy_and_pay(shop.url, shop.stripe, item) for item in (1, 4) for _ in range(PURCHASES // 2)]
        about = {event["id"] for event in events_about(shop, orders)}
        assert {delivery["state"] for delivery in shop.told() if delivery["event"] in about} == {"dropped"}

        # From where the last run ended, and again from long before.
        for options in ([], ["--since=1h"]):
            shop.manage("backfill", *options).check_returncode()
            states = shop.sql("SELECT state FROM orders_order WHERE id = ANY(%s)", orders)
            assert [row["state"] for row in states] == ["paid"] * PURCHASES
        streams = [f"order-{order}" for order in orders]
        paid = shop.sql("SELECT stream FROM core_event WHERE kind = 'order.paid' AND stream = ANY(%s)", streams)
        assert len(paid) == PURCHASES
        _, left_open = shop.findings("stripe_calls", "--open")
        assert not [call for call in left_open if call["subject"] in streams]
        assert shop.findings("replay", "--check") == (0, [])
        assert shop.findings("audit", "verify") == (0, [])


def events_about(shop: Shop, orders: list[int]) -> list[Event]:
    """What happened at Stripe to these orders' Sessions, intents and charges; other things happen there, too."""
    keys = {str(order) for order in orders}
    events = [event for account in ACCOUNT_KEYS for event in shop.stripe.objects("event", account)]
    return [event for event in events if (event["data"]["object"].get("metadata") or {}).get("order_id") in keys]
