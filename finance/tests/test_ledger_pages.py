"""The ledger and its months as finance staff see them, and who may close a month."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from freezegun import freeze_time

from core.models import Event, Follower
from finance.books.projection import books
from finance.models import LedgerLine, Month
from finance.tests.histories import History, book, payment, refund, transaction

pytestmark = [pytest.mark.django_db(transaction=True)]

LEDGER = "/admin/finance/ledgerline/"
MONTHS = "/admin/finance/month/"
CLOSE = "/admin/finance/month/2026-10/close/"


@pytest.fixture(autouse=True)
def late_in_november() -> Any:
    with freeze_time("2026-11-25 12:00"):
        yield


def client_with(*permissions: str) -> Client:
    user = User.objects.create_user("fin", password="x", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user)
    return client


def found(client: Client, **query: str) -> set[str]:
    """The objects of the lines that a list shows."""
    answer = client.get(LEDGER, query)
    assert answer.status_code == 200
    return {line.object_id for line in answer.context["cl"].result_list}


def queries_of(client: Client, address: str) -> int:
    with CaptureQueriesContext(connection) as captured:
        assert client.get(address).status_code == 200
    return len(captured)


class TestTheLedger:
    @pytest.fixture(autouse=True)
    def two_orders(self) -> None:
        History().tell(payment(), refund(300))
        History(2).tell(payment("pi_2"), payment("pi_3", currency="eur"))
        transaction("ch_1", 1000, fee=59, name="txn_a")
        book()

    @pytest.mark.parametrize(
        ("term", "lines"),
        [
            ("1", {"order-1", "pi_1", "re_1", "txn_a"}),
            ("pi_1", {"pi_1", "txn_a"}),
            ("ch_1", {"pi_1", "txn_a"}),
            ("re_1", {"re_1"}),
            ("txn_a", {"txn_a"}),
            ("pi_", set()),
            ("9" * 30, set()),
        ],
    )
    def test_is_searched_by_number_or_whole_id(self, admin_client: Client, term: str, lines: set[str]) -> None:
        assert found(admin_client, q=term) == lines

    @pytest.mark.parametrize(
        ("query", "lines"),
        [
            ({"movement__exact": "fee"}, {"txn_a"}),
            ({"currency": "eur"}, {"pi_3"}),
            ({"month": "2026-10", "movement__exact": "refund"}, {"re_1"}),
            ({"is_adjustment__exact": "1"}, set()),
            ({"account": "euro"}, set()),
        ],
    )
    def test_is_filtered(self, admin_client: Client, query: dict[str, str], lines: set[str]) -> None:
        assert found(admin_client, **query) == lines

    def test_is_shown_with_its_orders_in_a_number_of_queries_that_does_not_grow(self, admin_client: Client) -> None:
        few = queries_of(admin_client, LEDGER)
        for number in range(10, 25):
            History(number).tell(payment(f"pi_{number}"))
        book()
        assert queries_of(admin_client, LEDGER) == few
        assert "/admin/orders/order/24/change/" in admin_client.get(LEDGER).text

    def test_shows_a_line_and_can_not_be_touched(self, admin_client: Client) -> None:
        line = LedgerLine.objects.first()
        assert line is not None
        assert admin_client.get(f"{LEDGER}{line.pk}/change/").status_code == 200
        assert admin_client.post(f"{LEDGER}{line.pk}/change/", {"amount": 5}).status_code == 403
        assert admin_client.get(f"{LEDGER}{line.pk}/delete/").status_code == 403
        assert admin_client.get(f"{LEDGER}add/").status_code == 403

    @pytest.mark.parametrize("address", [LEDGER, MONTHS])
    def test_and_months_are_seen_by_whoever_may(self, address: str) -> None:
        client = client_with("view_order")
        assert client.get(address).status_code == 403
        user = User.objects.get()
        user.user_permissions.add(*Permission.objects.filter(codename__in=["view_ledgerline", "view_month"]))
        client.force_login(user)  # another role ends what was begun in the one before
        assert client.get(address).status_code == 200
        assert Client().get(address).status_code == 302


def amounts_on(page: str) -> list[list[str]]:
    """The rows of the trial balances: account, debit, credit."""
    rows = re.findall(r'<tr><th scope="row">(.*?)</th><td>(.*?)</td><td>(.*?)</td></tr>', page)
    return [list(row) for row in rows]


class TestTheMonths:
    @pytest.fixture(autouse=True)
    def an_order(self) -> History:
        order = History().tell(payment(), refund(300))
        book()
        return order

    def test_show_a_trial_balance_that_adds_up(self, admin_client: Client) -> None:
        assert amounts_on(admin_client.get(MONTHS).text) == [
            ["Cash at Stripe", "$10.00", "$3.00"],
            ["Receivable", "$10.00", "$10.00"],
            ["Refunds", "$3.00", ""],
            ["Sales", "", "$10.00"],
            ["Total", "$23.00", "$23.00"],
        ]

    def test_say_what_closing_does_before_it_is_done(self, admin_client: Client) -> None:
        assert CLOSE in admin_client.get(MONTHS).text
        asked = admin_client.get(CLOSE).text
        assert "The books of October 2026 will be closed for good with the 3 lines they hold now" in asked
        assert not Month.objects.exists()

    def test_are_closed_once_however_often_it_is_sent(self, admin_client: Client, admin_user: User) -> None:
        page = admin_client.post(CLOSE, follow=True).text
        assert "The books of October 2026 are closed." in page
        assert admin_user.get_username() in page
        assert CLOSE not in page
        assert "2026-10 is closed already." in admin_client.post(CLOSE, follow=True).text
        event = Event.objects.get(kind="month.closed")
        assert event.actor == f"staff:{admin_user.pk}"

    def test_show_closed_figures_and_later_adjustments(self, admin_client: Client, an_order: History) -> None:
        before = amounts_on(admin_client.get(MONTHS).text)
        admin_client.post(CLOSE)
        an_order.tell(refund(100, name="re_2"))
        book()
        assert amounts_on(admin_client.get(f"{MONTHS}?month=2026-10").text) == before
        assert "1 adjustment of months closed before" in admin_client.get(f"{MONTHS}?month=2026-11").text

    @pytest.mark.parametrize("permissions", [["view_month"], ["view_month", "act_on_order", "refund_above_limit"]])
    def test_are_not_closed_by_who_may_only_look(self, permissions: list[str]) -> None:
        client = client_with(*permissions)
        assert CLOSE not in client.get(MONTHS).text
        assert client.get(CLOSE).status_code == 403
        assert client.post(CLOSE).status_code == 403
        assert not Month.objects.exists()

    def test_are_closed_by_who_may(self) -> None:
        client = client_with("view_month", "close_month")
        assert CLOSE in client.get(MONTHS).text
        client.post(CLOSE)
        assert Month.objects.get().pk == "2026-10"

    @pytest.mark.parametrize(
        ("month", "reason"),
        [
            ("2026-11", "2026-11 is not over yet."),
            ("nonsense", "nonsense is not a month"),
            ("2026-10-01", "not a month"),
        ],
    )
    def test_say_why_they_can_not_be_closed(self, admin_client: Client, month: str, reason: str) -> None:
        for send in (admin_client.get, admin_client.post):
            assert reason in send(f"{MONTHS}{month}/close/", follow=True).text

    def test_are_shown_where_nothing_was_booked(self, admin_client: Client) -> None:
        books.forget()
        assert "Nothing was booked." in admin_client.get(MONTHS).text
        assert admin_client.get(f"{MONTHS}?month=x").status_code == 200

    def test_are_reached_from_a_months_own_address(self, admin_client: Client) -> None:
        assert admin_client.get(f"{MONTHS}2026-10/change/").headers["Location"] == f"{MONTHS}?month=2026-10"
        assert admin_client.get(f"{MONTHS}x/change/").status_code == 404

    def test_are_books_of_a_place_in_the_log(self, admin_client: Client) -> None:
        admin_client.post(CLOSE)
        place = Follower.objects.get(pk=books.name)
        assert Month.objects.get().after == place.cursor
