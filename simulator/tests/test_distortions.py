from collections.abc import Iterator
from typing import Any

import pytest
import requests

from simulator.tests.running import Shop, session_params


@pytest.fixture(autouse=True)
def _clear(shop: Shop) -> Iterator[None]:
    yield
    shop.simulator.control("DELETE", "distortions")


def distort(shop: Shop, **order: Any) -> Any:
    return shop.simulator.control("POST", "distortions", **order)


def refused(shop: Shop, **order: Any) -> bool:
    response = requests.post(f"{shop.simulator.url}/_sim/distortions", json=order, timeout=5)
    return response.status_code == 400 and bool(response.json()["error"])


class TestOneSession:
    def test_until_it_is_paid_it_tells_the_truth(self, shop: Shop) -> None:
        session = shop.open_session()
        distort(shop, session=session.id, amount=1500)
        assert shop.stripe.v1.checkout.sessions.retrieve(session.id).amount_total == 2000

    def test_then_everything_says_another_amount_and_currency(self, shop: Shop) -> None:
        session = shop.open_session()
        distort(shop, session=session.id, amount=1500, currency="eur")
        shop.pay(session)
        events = {event.type: event.data.object for event in shop.stripe.v1.events.list().data}
        completed, intent = events["checkout.session.completed"], events["payment_intent.succeeded"]
        assert (completed["amount_total"], completed["currency"]) == (1500, "eur")
        assert (intent["amount"], intent["amount_received"], intent["currency"]) == (1500, 1500, "eur")
        charge = events["charge.succeeded"]
        assert (charge["amount"], charge["amount_captured"], charge["currency"]) == (1500, 1500, "eur")

    def test_a_retry_after_a_failed_attempt_is_distorted_too(self, shop: Shop) -> None:
        session = shop.open_session()
        shop.pay(session, card_number="4000000000000002")
        distort(shop, session=session.id, amount=2500)
        shop.pay(session)
        [intent] = shop.stripe.v1.payment_intents.list().data
        assert (intent.amount, intent.amount_received) == (2500, 2500)

    def test_livemode_stands_on_objects_and_events(self, shop: Shop) -> None:
        session = shop.open_session()
        distort(shop, session=session.id, livemode=True)
        shop.pay(session)
        for event in shop.stripe.v1.events.list().data:
            assert (event.livemode, event.data.object["livemode"]) == (True, True)
        other = shop.open_session()
        shop.pay(other)
        assert not shop.newest_event("checkout.session.completed").livemode

    def test_a_slow_payment_settles_with_it(self, shop: Shop) -> None:
        session = shop.open_session()
        distort(shop, session=session.id, amount=100)
        shop.pay(session, **{"async": "1"})
        shop.simulator.control("POST", "advance", seconds=3 * 24 * 60 * 60)
        assert shop.newest_event("payment_intent.succeeded").data.object["amount_received"] == 100

    def test_nonsense_is_refused(self, shop: Shop) -> None:
        session = shop.open_session()
        assert refused(shop, session="cs_none", amount=1)
        assert refused(shop, session=session.id, amount=0)
        assert refused(shop, session=session.id, currency="EUR")
        assert refused(shop, session=session.id, livemode=1)
        assert refused(shop, session=session.id, offset=1)
        assert refused(shop, amount=1)
        shop.pay(session)
        assert refused(shop, session=session.id, amount=1)


class TestTotals:
    @pytest.mark.parametrize(
        ("part", "offset", "amounts"),
        [
            ("subtotal", 1, (2001, 0, 0, 2001)),
            ("subtotal", -500, (1500, 0, 0, 1500)),
            ("discount", 1, (2000, 1, 0, 1999)),
            ("tax", 1, (2000, 0, 1, 2001)),
        ],
    )
    def test_one_part_of_the_next_session_is_off_and_it_adds_up(
        self, shop: Shop, part: str, offset: int, amounts: tuple[int, ...]
    ) -> None:
        distort(shop, offset=offset, part=part, key=shop.key)
        session = shop.stripe.v1.checkout.sessions.retrieve(shop.open_session().id, {"expand": ["line_items"]})
        details = session.total_details
        assert details
        assert session.line_items
        [line] = session.line_items.data
        assert amounts == (
            session.amount_subtotal,
            details.amount_discount,
            details.amount_tax,
            session.amount_total,
        )
        assert amounts == (line.amount_subtotal, line.amount_discount, line.amount_tax, line.amount_total)
        assert f">${amounts[-1] / 100:.2f}<" in requests.get(str(session.url), timeout=5).text
        assert shop.open_session().amount_total == 2000

    def test_an_included_tax_that_is_off_leaves_the_total(self, shop: Shop) -> None:
        rate = shop.stripe.v1.tax_rates.create({"display_name": "VAT", "percentage": 25, "inclusive": True})
        line = session_params()["line_items"][0] | {"tax_rates": [rate.id]}
        distort(shop, offset=1, part="tax", key=shop.key)
        created = shop.open_session(line_items=[line], expand=["total_details.breakdown"])
        assert created.total_details
        assert (created.total_details.amount_tax, created.amount_total) == (401, 2000)
        assert created.total_details.breakdown
        assert [tax.amount for tax in created.total_details.breakdown.taxes] == [401]

    def test_it_lasts_as_many_times_as_ordered(self, shop: Shop) -> None:
        distort(shop, offset=5, times=0)
        assert [shop.open_session().amount_total for _ in range(2)] == [2005, 2005]
        shop.simulator.control("DELETE", "distortions")
        assert shop.open_session().amount_total == 2000

    def test_other_accounts_keep_their_totals(self, shop: Shop) -> None:
        distort(shop, offset=5, key=shop.key)
        other = Shop(shop.simulator, shop.key + "_other")
        assert [account.open_session().amount_total for account in (other, shop)] == [2000, 2005]
        other.close()

    def test_there_is_no_other_part(self, shop: Shop) -> None:
        assert refused(shop, offset=1, part="total")
        assert refused(shop, offset=1.5)
