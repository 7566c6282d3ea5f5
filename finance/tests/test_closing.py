"""A month is closed once and in its turn; what is learnt of it later is an adjustment in the first open month."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from typing import Any

import msgspec
import pytest
from django.db import connection
from freezegun import freeze_time
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.eventlog import following, provenance
from core.eventlog.append import read_stream
from core.eventlog.replay import comparable, rows_of
from core.eventlog.streams import aggregate_of
from core.models import Event
from finance.books.figures import figures_of
from finance.books.projection import books
from finance.models import LedgerLine, Month
from finance.services.closing import MonthNotClosable, close_month
from finance.tests.histories import History, book, dispute, forget_everything, payment, refund, rows, transaction

pytestmark = [pytest.mark.django_db(transaction=True)]

COLUMNS = [field.attname for field in Month._meta.concrete_fields]
IN_NOVEMBER = datetime(2026, 11, 3, tzinfo=UTC)


def close(month: str) -> Month:
    with provenance.acting("staff:1"):
        return close_month(month=month)


def why_not(month: str) -> str:
    with pytest.raises(MonthNotClosable) as refused:
        close(month)
    return refused.value.reason


def stated(month: str) -> Any:
    return msgspec.to_builtins(list(figures_of(date.fromisoformat(f"{month}-01"))))


@freeze_time("2026-11-25 12:00")
class TestClosing:
    def test_is_refused_of_what_is_no_month(self) -> None:
        assert [why_not(month) for month in ("2026-13", "2026-1", "october", "2026-10-01")] == ["no_month"] * 4

    def test_is_refused_of_a_month_that_is_not_over(self) -> None:
        assert why_not("2026-11") == "not_over"
        with freeze_time("2026-11-30 23:59:59.999"):
            assert why_not("2026-11") == "not_over"
        with freeze_time("2026-12-01 00:00"):
            close("2026-11")

    def test_is_refused_of_a_month_that_is_closed_itself_or_with_a_later_one(self) -> None:
        History().tell(payment())
        close("2026-10")
        assert [why_not(month) for month in ("2026-10", "2026-09")] == ["closed", "closed"]
        assert Event.objects.filter(kind="month.closed").count() == 1

    def test_is_refused_of_a_month_that_follows_an_open_one_with_lines(self) -> None:
        History().tell(payment())
        History(2, at=datetime(2026, 8, 1, tzinfo=UTC)).tell(payment("pi_2"))
        assert why_not("2026-10") == "earlier_open"
        close("2026-08")
        close("2026-10")

    def test_books_what_is_in_the_log_first_and_states_the_sums(self) -> None:
        History().tell(payment(), refund(300))
        closed = close("2026-10")
        assert closed.figures == stated("2026-10")
        assert {(row["ledger_account"], row["debit"], row["credit"]) for row in closed.figures} == {
            ("cash", 1000, 300),
            ("receivable", 1000, 1000),
            ("refunds", 300, 0),
            ("sales", 0, 1000),
        }
        assert Event.objects.get(kind="month.closed").actor == "staff:1"

    def test_of_an_empty_log_closes_what_comes_later(self) -> None:
        close("2026-10")
        History().tell(payment())
        book()
        assert {(line.month.isoformat(), line.is_adjustment) for line in LedgerLine.objects.all()} == {
            ("2026-11-01", True)
        }

    def test_by_eight_at_once_is_done_once(self) -> None:
        History().tell(payment())

        def run(_: int) -> str:
            try:
                close("2026-10")
            except MonthNotClosable as refused:
                return refused.reason
            finally:
                connection.close()
            return "done"

        with ThreadPoolExecutor(8) as pool:
            assert Counter(pool.map(run, range(8))) == {"done": 1, "closed": 7}

    def test_is_the_fold_of_its_events(self) -> None:
        History().tell(payment())
        close("2026-10")
        aggregate, key = aggregate_of("month-2026-10")
        [folded] = rows_of(aggregate.fold(key, read_stream("month-2026-10")), Month)
        stored = Month.objects.get()
        assert {name: comparable(stored, name) for name in COLUMNS} == {
            name: comparable(folded, name) for name in COLUMNS
        }


@freeze_time("2026-11-25 12:00")
class TestALateChange:
    def test_is_an_adjustment_in_the_next_month_and_leaves_the_closed_one_as_it_was(self) -> None:
        order = History().tell(payment())
        close("2026-10")
        order.tell(refund(300))
        transaction("ch_1", 1000, fee=59)
        book()
        late = LedgerLine.objects.filter(is_adjustment=True)
        assert {(line.movement, line.month.isoformat()) for line in late} == {
            ("refund", "2026-11-01"),
            ("fee", "2026-11-01"),
        }
        assert Month.objects.get().figures == stated("2026-10")

    def test_skips_all_closed_months(self) -> None:
        order = History().tell(payment())
        close("2026-10")
        History(2, at=IN_NOVEMBER).tell(payment("pi_2"))
        with freeze_time("2027-01-02"):
            close("2026-11")
            close("2026-12")
        order.tell(refund(300))
        book()
        assert LedgerLine.objects.get(is_adjustment=True).month.isoformat() == "2027-01-01"

    def test_of_an_open_month_is_none(self) -> None:
        History().tell(payment())
        close("2026-10")
        History(2, at=IN_NOVEMBER).tell(payment("pi_2"))
        book()
        assert not LedgerLine.objects.filter(is_adjustment=True).exists()

    @settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(
        st.permutations([payment(), refund(300), refund(300, "failed"), payment("pi_2"), dispute("lost", 100)]),
        st.integers(0, 5),
        st.booleans(),
        st.integers(1, 9),
    )
    def test_is_booked_alike_on_a_rebuild(self, told: list[Any], closed_after: int, twice: bool, size: int) -> None:
        forget_everything()
        order = History()
        for number, one in enumerate(told):
            if number == closed_after:
                close("2026-09")
                if twice:
                    close("2026-10")
            order.tell(one)
            transaction("ch_1", 1000, fee=number)
        book()
        before = rows()
        whole = following.BATCH
        try:
            following.BATCH = size
            following.rebuild(books)
        finally:
            following.BATCH = whole
        assert rows() == before
        assert all(month.figures == stated(month.pk) for month in Month.objects.all())

    def test_that_settled_in_another_order_is_booked_alike_on_a_rebuild(self) -> None:
        """A later version is read first and closed upon; the earlier one was booked with it, and is so again."""
        order = History().tell(payment())
        order.tell(refund(300))
        with connection.cursor() as cursor:
            cursor.execute(
                "BEGIN; SET LOCAL session_replication_role = replica;"
                "UPDATE core_event SET transaction_id = -100 - position; COMMIT"
            )
        whole = following.BATCH
        try:
            following.BATCH = 1
            with following.locked_place(books) as place:
                following.advance(books, place)
                after = list(place.cursor or ())
        finally:
            following.BATCH = whole
        Month.objects.create(id="2026-10", after=after, closed_at=IN_NOVEMBER)
        book()
        assert not LedgerLine.objects.filter(is_adjustment=True).exists()
        before = rows()
        following.rebuild(books)
        assert rows() == before
