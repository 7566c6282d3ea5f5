"""`projections --check`: the ledger is what the log says, and closed months still sum to what was stated of them."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command, execute_from_command_line
from django.db import connection
from freezegun import freeze_time

from core.eventlog import following, provenance
from core.eventlog.refolding import check_projection
from finance.books.projection import books
from finance.models import DaySummary, LedgerLine, OrderBooks
from finance.services.closing import close_month
from finance.tests.histories import History, book, dispute, payment, refund, rows, transaction
from webhooks.models import Delivery

pytestmark = pytest.mark.django_db(transaction=True)

AT_STRIPE = datetime(2026, 9, 30, 23, 59, tzinfo=UTC)


def check() -> tuple[int, list[dict[str, Any]]]:
    out = StringIO()
    try:
        call_command("projections", "--check", stdout=out, stderr=StringIO())
    except SystemExit as found:
        return int(str(found.code)), [json.loads(line) for line in out.getvalue().splitlines()]
    assert out.getvalue() == ""
    return 0, []


def stories() -> None:
    for number in range(1, 9):
        order = History(number).tell(payment(f"pi_{number}"), refund(100, payment_intent=f"pi_{number}"))
        order.tell(dispute("lost", 50, f"du_{number}", payment_intent=f"pi_{number}"))
        transaction(f"ch_{number}", 1000, fee=59, name=f"txn_{number}")


class TestTheCheck:
    def test_finds_nothing_in_what_was_booked_whatever_is_not_booked_yet(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(following, "BATCH", 7)
        assert check() == (0, [])
        stories()
        assert check() == (0, [])
        with following.locked_place(books) as place:
            following.advance(books, place)
        assert check() == (0, [])
        book()
        assert check() == (0, [])

    def test_names_what_was_changed_taken_away_and_made_up_and_touches_none_of_it(self) -> None:
        stories()
        book()
        fee, *_, lost = LedgerLine.objects.filter(movement="fee").order_by("position")
        LedgerLine.objects.filter(pk=fee.pk).update(amount=60)
        lost.delete()
        OrderBooks.objects.create(order_id=99, version=1)
        DaySummary.objects.update(paid=9)
        before = rows()
        code, findings = check()
        assert code == 1
        assert [(one["table"], one["column"], one["stored"], one["folded"]) for one in findings] == [
            ("finance_ledgerline", "amount", "60", "59"),
            ("finance_ledgerline", "*", None, "a row"),
            ("finance_orderbooks", "*", "a row", None),
            ("finance_daysummary", "paid", "9", "8"),
        ]
        assert findings[0]["key"] == {"position": fee.position, "number": fee.number}
        assert {(one["finding"], one["projection"]) for one in findings} == {("drift", "finance.books")}
        assert rows() == before
        following.rebuild(books)
        assert check() == (0, [])

    def test_holds_nobody_up_and_takes_what_is_booked_meanwhile_for_no_drift(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        stories()
        book()
        monkeypatch.setattr(following, "BATCH", 10)
        project = books.project

        sales = iter((9, 10))

        def sell_and_book(number: int) -> None:
            History(number).tell(payment(f"pi_{number}"))
            following.follow(books)
            connection.close()

        def while_others_book(events: list[Any]) -> None:
            if threading.current_thread() is threading.main_thread() and (number := next(sales, None)):
                with ThreadPoolExecutor(1) as pool:
                    pool.submit(sell_and_book, number).result(timeout=20)
            project(events)

        project = books.project
        monkeypatch.setattr(books, "project", while_others_book)
        assert list(check_projection(books)) == []
        assert LedgerLine.objects.filter(order_id__in=(9, 10)).count() == 4

    def test_says_what_it_takes(self) -> None:
        with pytest.raises(SystemExit) as usage:
            execute_from_command_line(["manage.py", "projections", "--check", "--rebuild"])
        assert usage.value.code == 2


@freeze_time("2026-11-25 12:00")
class TestAClosedMonth:
    def test_that_a_rebuild_books_otherwise_contradicts_what_was_stated_of_it(self) -> None:
        """Without the delivery the payment is dated by its record, which is in the month behind."""
        History().tell(payment(), cause="evt_1")
        Delivery.objects.create(
            account="default", event_id="evt_1", livemode=False, created_at=AT_STRIPE, received_at=AT_STRIPE
        )
        with provenance.acting("staff:1"):
            close_month(month="2026-09")
        assert check() == (0, [])
        Delivery.objects.all().delete()
        following.rebuild(books)
        code, findings = check()
        assert code == 1
        assert {(one["finding"], one["month"]) for one in findings} == {("closed_month", "2026-09")}
        assert {one["ledger_account"]: (one["stated"], one["lines"]) for one in findings} == {
            "cash": ([1000, 0], None),
            "receivable": ([1000, 1000], None),
            "sales": ([0, 1000], None),
        }
