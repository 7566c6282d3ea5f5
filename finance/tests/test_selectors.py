"""What the money table of an order's page gets from the ledger."""

import pytest

from finance.selectors.ledger import fees_of
from finance.tests.histories import History, book, dispute, payment, refund, transaction
from orders.models import Order
from orders.representations import money_contributors

pytestmark = pytest.mark.django_db(transaction=True)


def shown(number: int = 1) -> dict[str, str]:
    book()
    return dict(fees_of(Order(pk=number, currency="usd")))


class TestFeeAndNet:
    def test_are_handed_to_the_orders_page(self) -> None:
        assert fees_of in money_contributors

    def test_are_not_shown_where_no_money_moved(self) -> None:
        History()
        assert shown() == {}

    def test_are_not_known_until_stripes_books_were_read_for_every_movement(self) -> None:
        order = History().tell(payment())
        assert shown() == {"Fee": "not known yet", "Net": "not known yet"}
        transaction("ch_1", 1000, fee=59)
        assert shown() == {"Fee": "$0.59", "Net": "$9.41"}
        order.tell(refund(300))
        assert shown()["Net"] == "not known yet"
        transaction("re_1", -300)
        assert shown() == {"Fee": "$0.59", "Net": "$6.41"}
        order.tell(dispute("lost", 700))
        transaction("du_1", -700, fee=1500)
        assert shown() == {"Fee": "$15.59", "Net": "-$15.59"}

    def test_are_in_the_currency_that_the_account_settles_in(self) -> None:
        History().tell(payment())
        transaction("ch_1", 920, fee=30, currency="eur")
        assert shown() == {"Fee": "€0.30", "Net": "€8.90"}

    def test_are_nothing_where_all_was_given_back_for_nothing(self) -> None:
        History().tell(payment(), refund(1000))
        transaction("ch_1", 1000)
        transaction("re_1", -1000)
        assert shown() == {"Fee": "$0.00", "Net": "$0.00"}
