"""`manage.py doctor` in a shop that runs and sells."""

from datetime import UTC, datetime

from tests.shop import Shop, Shopper, wait_for


class TestAShopThatSells:
    def test_has_a_clean_bill(self, shop: Shop, shopper: Shopper) -> None:
        started = datetime.now(UTC).isoformat()  # other tests lose webhooks on purpose
        bought = shopper.buy()
        shop.stripe.pay(bought["url"])
        wait_for(lambda: shopper.read(f"/order/{bought['order_id']}")["state"] == "paid")
        wait_for(lambda: not shop.sql("SELECT FROM billing_coupon WHERE state = 'pending'"))
        code, findings = shop.findings("doctor", "--json", f"--since={started}")
        assert code == 0
        assert {finding["account"] for finding in findings} == {"default", "euro"}
        assert {finding["verdict"] for finding in findings} <= {"ok", "note"}
        _, left_open = shop.findings("stripe_calls", "--open")
        assert not [call for call in left_open if call["subject"] == f"order-{bought['order_id']}"]

    def test_is_examined_as_it_is_asked_for(self, shop: Shop) -> None:
        for wrong in ("--since=yesterday", "--sicne=3d"):
            refused = shop.manage("doctor", wrong)
            assert (refused.returncode, refused.stdout) == (2, "")
            assert wrong.partition("=")[0] in refused.stderr
