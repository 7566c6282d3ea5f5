import requests
import stripe

from simulator.tests.running import Shop


def test_a_review_is_opened_and_closed(shop: Shop) -> None:
    charge = shop.buy()
    review = shop.simulator.control("POST", "reviews", charge=charge.id)
    assert (review["open"], review["reason"], review["closed_reason"]) == (True, "rule", None)
    assert (review["charge"], review["payment_intent"]) == (charge.id, charge.payment_intent)
    assert shop.newest_event("review.opened").data.object["id"] == review["id"]
    expanded = shop.stripe.v1.payment_intents.retrieve(str(charge.payment_intent), {"expand": ["review"]})
    assert isinstance(expanded.review, stripe.Review)
    assert expanded.review.open
    assert shop.stripe.v1.charges.retrieve(charge.id).review == review["id"]

    closed = shop.simulator.control("POST", f"reviews/{review['id']}", closed_reason="approved")
    assert (closed["open"], closed["reason"], closed["closed_reason"]) == (False, "approved", "approved")
    assert shop.newest_event("review.closed").data.object["open"] is False


def test_twice_is_refused(shop: Shop) -> None:
    charge = shop.buy()
    review = shop.simulator.control("POST", "reviews", charge=charge.id, reason="manual")
    shop.simulator.control("POST", f"reviews/{review['id']}", closed_reason="refunded_as_fraud")
    for path, body in (("reviews", {"charge": charge.id}), (f"reviews/{review['id']}", {"closed_reason": "approved"})):
        answer = requests.post(f"{shop.simulator.url}/_sim/{path}", json=body, timeout=5)
        assert (answer.status_code, "review" in answer.json()["error"]) == (400, True)


def test_reasons_are_stripes(shop: Shop) -> None:
    body = {"charge": shop.buy().id, "reason": "mood"}
    assert requests.post(f"{shop.simulator.url}/_sim/reviews", json=body, timeout=5).status_code == 400
