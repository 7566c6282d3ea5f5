"""`kill -9` of the web worker while Stripe is working on its request."""

import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.shop import Shop, Shopper, wait_for

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process's children by its id")

DELAY_SECONDS = 2
CREATE = ("POST", "/v1/checkout/sessions")


class TestAWorkerKilledBetweenACallsIntentAndItsOutcome:
    def test_leaves_a_call_that_the_sweeper_settles_under_its_key(self, shop: Shop, shopper: Shopper) -> None:
        wait_for(lambda: settled(shop))  # what other tests have left to the sweeper
        sessions = len(shop.stripe.objects("checkout.session"))
        sent = len(shop.stripe.requests_of(*CREATE))
        shop.stripe.order_fault("delay", " ".join(CREATE), seconds=DELAY_SECONDS)
        with ThreadPoolExecutor(1) as browser:
            buying = browser.submit(shopper.buy)
            # Stripe has done it; its answer is on the way.
            wait_for(lambda: len(shop.stripe.objects("checkout.session")) == sessions + 1)
            assert len(shop.kill_web_workers()) == 2
            with pytest.raises(requests.ConnectionError):
                buying.result()

        code, [call] = shop.findings("stripe_calls", "--open")
        assert code == 0
        assert (call["operation"], call["state"], call["attempts"]) == ("checkout.sessions.create", "requested", 0)

        # Until Stripe's answer is out, it says that the key is in use.
        wait_for(lambda: settled(shop), DELAY_SECONDS + 10)
        requests_sent = shop.stripe.requests_of(*CREATE)[sent:]
        assert len(requests_sent) > 1
        assert {request["idempotency_key"] for request in requests_sent} == {call["id"]}
        session = shop.stripe.objects("checkout.session")[-1]
        assert len(shop.stripe.objects("checkout.session")) == sessions + 1

        assert shopper.buy() == {
            "session_id": session["id"],
            "url": session["url"],
            "order_id": int(call["subject"].removeprefix("order-")),
        }
        assert shop.findings("replay", "--check") == (0, [])
        assert shop.findings("audit", "verify") == (0, [])


def settled(shop: Shop) -> bool:
    assert shop.manage("stripe_calls", "--sweep", "--older-than=0").returncode == 0
    return shop.findings("stripe_calls", "--open") == (0, [])
