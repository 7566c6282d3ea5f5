"""The books: what each movement debits and credits, and that they end alike however the log was written and read."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.eventlog import following
from core.models import Event
from finance.books.projection import books
from finance.events import BalanceTransactionReappeared, BalanceTransactionVanished, PayoutUpdated
from finance.models import DaySummary, LedgerLine, OrderBooks
from finance.tests.histories import (
    BEGAN,
    OWN,
    History,
    book,
    change,
    dispute,
    forget_everything,
    moved,
    payment,
    refund,
    rows,
    totals,
    transaction,
    write,
)
from orders.events import OrderCanceled
from webhooks.models import Delivery

pytestmark = pytest.mark.django_db(transaction=True)

in_the_database = settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


class TestASale:
    def test_is_booked_when_the_order_is_paid(self) -> None:
        History().tell(payment())
        book()
        assert totals() == {("cash", "usd"): 1000, ("sales", "usd"): -1000}
        sale = LedgerLine.objects.get(movement="sale")
        assert (sale.object_id, sale.order_id, sale.debit, sale.credit) == ("order-1", 1, "receivable", "sales")
        assert LedgerLine.objects.get(movement="payment").object_id == "pi_1"

    def test_of_which_only_a_part_came_in_is_none_yet(self) -> None:
        History().tell(payment(amount=400))
        book()
        assert totals() == {("cash", "usd"): 400, ("receivable", "usd"): -400}

    def test_that_is_paid_twice_leaves_the_surplus_owed_until_it_is_returned(self) -> None:
        order = History().tell(payment(), payment("pi_2"))
        book()
        assert totals() == {("cash", "usd"): 2000, ("sales", "usd"): -1000, ("receivable", "usd"): -1000}
        order.tell(refund(1000, payment_intent="pi_2"))
        book()
        assert totals() == {("cash", "usd"): 1000, ("sales", "usd"): -1000}
        assert moved(object_id="re_1") == {"surplus_returned": 1000}

    def test_of_a_better_word_follows_the_better_word(self) -> None:
        order = History().tell(payment(source="checkout.session", source_id="cs_1", charge=""))
        book()
        order.tell(payment(source="charge", source_id="ch_1", amount=900))
        book()
        assert totals() == {("cash", "usd"): 900, ("sales", "usd"): -1000, ("receivable", "usd"): 100}


class TestARefund:
    def test_lessens_the_sale(self) -> None:
        History().tell(payment(), refund(300))
        book()
        assert totals() == {("cash", "usd"): 700, ("sales", "usd"): -1000, ("refunds", "usd"): 300}

    def test_that_fails_after_it_succeeded_is_reversed(self) -> None:
        order = History().tell(payment(), refund(300))
        book()
        order.tell(refund(300, "failed"))
        book()
        assert totals() == {("cash", "usd"): 1000, ("sales", "usd"): -1000}
        assert list(LedgerLine.objects.filter(object_id="re_1").values_list("debit", "credit", "amount")) == [
            ("refunds", "cash", 300),
            ("cash", "refunds", 300),
        ]

    def test_is_of_surplus_first_whichever_came_first(self) -> None:
        History().tell(payment(), refund(300), payment("pi_2", amount=200))
        book()
        assert moved() == {"sale": 1000, "payment": 1200, "refund": 100, "surplus_returned": 200}

    def test_of_a_canceled_order_gives_back_what_was_never_a_sale(self) -> None:
        order = History()
        order.record(OrderCanceled(reason="test"))
        order.tell(payment(), refund(1000))
        book()
        assert totals() == {}
        assert moved() == {"payment": 1000, "surplus_returned": 1000}

    def test_of_money_in_a_currency_that_does_not_count_stays_in_that_currency(self) -> None:
        History().tell(
            payment(), payment("pi_2", currency="eur", amount=500), refund(200, payment_intent="pi_2", currency="eur")
        )
        book()
        assert totals() == {
            ("cash", "usd"): 1000,
            ("sales", "usd"): -1000,
            ("cash", "eur"): 300,
            ("receivable", "eur"): -300,
        }


class TestADispute:
    @pytest.mark.parametrize(
        ("statuses", "taken"),
        [
            (["needs_response"], 600),
            (["needs_response", "under_review", "lost"], 600),
            (["needs_response", "won"], 0),
            (["warning_needs_response"], 0),
            (["warning_needs_response", "warning_closed"], 0),
            (["needs_response", "prevented"], 0),
        ],
    )
    def test_takes_its_amount_while_it_is_open_or_lost(self, statuses: list[str], taken: int) -> None:
        History().tell(payment(), *(dispute(status, 600) for status in statuses))
        book()
        assert totals().get(("disputes", "usd"), 0) == taken
        assert totals()["cash", "usd"] == 1000 - taken


class TestStripesBooks:
    def test_tell_the_fee_whichever_is_read_first(self) -> None:
        transaction("ch_1", 1000, fee=59)
        book()
        assert totals() == {("cash", "usd"): 941, ("fees", "usd"): 59, ("unmatched", "usd"): -1000}
        History().tell(payment())
        book()
        assert totals() == {("cash", "usd"): 941, ("fees", "usd"): 59, ("sales", "usd"): -1000}
        assert totals(order_id=1)["cash", "usd"] == 941

    def test_that_are_changed_book_the_difference(self) -> None:
        History().tell(payment())
        name = transaction("ch_1", 1000, fee=59)
        book()
        change(name, 1000, 70)
        book()
        assert totals()["fees", "usd"] == 70
        assert list(LedgerLine.objects.filter(movement="fee").values_list("amount", flat=True)) == [59, 11]

    def test_that_are_listed_no_more_move_nothing_until_they_are_again(self) -> None:
        History().tell(payment())
        transaction("ch_9", 500, fee=45)
        name = transaction("ch_1", 1000, fee=59)
        book()
        write(f"balance-transaction-{name}", BalanceTransactionVanished())
        book()
        assert totals()["fees", "usd"] == 45
        write(f"balance-transaction-{name}", BalanceTransactionReappeared())
        book()
        assert totals()["fees", "usd"] == 45 + 59

    def test_in_another_currency_exchange_what_the_order_moved(self) -> None:
        order = History().tell(payment(), refund(400))
        transaction("ch_1", 920, fee=30, currency="eur")
        transaction("re_1", -370, type="refund", currency="eur")
        book()
        assert totals() == {
            ("sales", "usd"): -1000,
            ("refunds", "usd"): 400,
            ("exchange", "usd"): 600,
            ("exchange", "eur"): -550,
            ("cash", "eur"): 520,
            ("fees", "eur"): 30,
        }
        order.tell(refund(400, "failed"))
        transaction("re_1", 375, type="refund_failure", currency="eur")
        book()
        assert totals() == {
            ("sales", "usd"): -1000,
            ("exchange", "usd"): 1000,
            ("exchange", "eur"): -925,
            ("cash", "eur"): 895,
            ("fees", "eur"): 30,
        }

    def test_that_no_order_accounts_for_are_unmatched(self) -> None:
        transaction("ch_foreign", 5000, fee=175)
        transaction("", -20, type="adjustment")
        book()
        assert totals() == {("cash", "usd"): 4805, ("fees", "usd"): 175, ("unmatched", "usd"): -4980}
        assert set(LedgerLine.objects.values_list("order_id", flat=True)) == {None}

    def test_tell_of_payouts_and_of_fees_of_their_own(self) -> None:
        transaction("po_1", -700, type="payout")
        transaction("po_2", -100, type="payout")
        transaction("po_2", 100, type="payout_failure")
        transaction("", -25, type="stripe_fee")
        paid_out: dict[str, Any] = {
            "amount": 700,
            "currency": "usd",
            "status": "paid",
            "is_automatic": True,
            "balance_transaction": "",
        }
        write("payout-po_1", PayoutUpdated(account="default", livemode=False, created=1, arrival_date=1, **paid_out))
        book()
        assert totals() == {("cash", "usd"): -725, ("bank", "usd"): 700, ("fees", "usd"): 25}
        assert moved(object_id="po_2") == {}

    def test_happened_when_stripe_says_so(self) -> None:
        transaction("ch_1", 1000, created=int(datetime(2026, 7, 1, tzinfo=UTC).timestamp()))
        book()
        assert LedgerLine.objects.get().month.isoformat() == "2026-07-01"


class TestTheMoment:
    def delivered(self, event_id: str, at: datetime | None) -> None:
        Delivery.objects.create(
            account="default",
            event_id=event_id,
            type="t",
            livemode=False,
            payload=b"",
            created_at=at,
            received_at=BEGAN,
        )

    def test_is_that_of_the_stripe_event_else_of_the_record(self) -> None:
        at = datetime(2026, 9, 30, 23, 59, tzinfo=UTC)
        self.delivered("evt_1", at)
        self.delivered("evt_2", None)
        order = History().tell(payment(), cause="evt_1")
        order.tell(refund(100), cause="evt_2")
        book()
        assert LedgerLine.objects.get(movement="payment").happened_at == at
        assert LedgerLine.objects.get(movement="payment").month.isoformat() == "2026-09-01"
        assert LedgerLine.objects.get(movement="refund").happened_at > BEGAN


NEWS = [
    payment(source="checkout.session", source_id="cs_1", charge=""),
    payment(status="processing"),
    payment(),
    payment("pi_2", amount=300),
    payment("pi_3", amount=500, currency="eur"),
    refund(400, "pending"),
    refund(400),
    refund(400, "failed"),
    refund(900, name="re_2"),
    refund(200, name="re_3", payment_intent="pi_3", currency="eur"),
    dispute("needs_response"),
    dispute("won"),
    dispute("lost", 300, "du_2", payment_intent="pi_2"),
]
TRANSACTIONS: list[tuple[Any, ...]] = [
    ("ch_1", 1000, 59, "usd"),
    ("ch_2", 300, 39, "usd"),
    ("ch_3", 540, 46, "usd"),
    ("re_1", -400, 0, "usd"),
    ("re_1", 400, 0, "usd"),
    ("re_2", -900, 0, "usd"),
    ("re_3", -216, 0, "usd"),
    ("du_1", -1000, 1500, "usd"),
    ("du_1", 1000, 0, "usd"),
    ("du_2", -300, 1500, "usd"),
]
happenings = st.lists(st.sampled_from([*NEWS, *TRANSACTIONS]), max_size=14, unique_by=str)


def perform(order: History, told: list[Any]) -> None:
    for number, one in enumerate(told):
        if isinstance(one, tuple):
            source, amount, fee, currency = one
            transaction(source, amount, fee=fee, currency=currency, name=f"txn_{source}_{amount}_{number}")
        else:
            order.tell(one)


class TestHoweverItWasTold:
    @in_the_database
    @given(happenings, st.randoms(use_true_random=False))
    def test_the_books_end_alike(self, told: list[Any], random: Any) -> None:
        ends = []
        for _ in range(2):
            forget_everything()
            order = History()
            perform(order, told)
            book()
            ends.append((totals(), totals(order_id=1), moved()))
            random.shuffle(told)
        assert ends[0] == ends[1]

    @in_the_database
    @given(st.lists(st.sampled_from(NEWS), max_size=10))
    def test_cash_is_what_came_in_less_what_went_out(self, told: list[Any]) -> None:
        forget_everything()
        order = History()
        perform(order, told)
        book()
        root = order.aggregate.root
        disputed = sum(one.amount for one in order.aggregate.disputes if one.status in {"needs_response", "lost"})
        counted = [one for one in order.aggregate.refunds if one.currency == "usd" and one.status == "succeeded"]
        cash = root.received - sum(one.amount for one in counted) - disputed
        assert totals(currency="usd").get(("cash", "usd"), 0) == cash
        paid = root.state in {"paid", "partially_refunded", "refunded"}
        owed = (root.total if paid else 0) - root.received + moved(currency="usd").get("surplus_returned", 0)
        assert totals(currency="usd").get(("receivable", "usd"), 0) == owed
        if paid and root.surplus == 0 and root.received >= root.total:
            assert owed == 0

    @in_the_database
    @given(happenings, st.integers(1, 7))
    def test_a_rebuild_in_batches_of_another_size_gives_the_same_rows(self, told: list[Any], size: int) -> None:
        forget_everything()
        order = History()
        book()
        for one in told:
            perform(order, [one])
            book()
        before = rows()
        whole = following.BATCH
        try:
            following.BATCH = size
            following.rebuild(books)
        finally:
            following.BATCH = whole
        assert rows() == before

    @in_the_database
    @given(happenings)
    def test_what_all_transactions_leave_is_stripes_balance(self, told: list[Any]) -> None:
        """Once Stripe's books are read for all that moved money, and our orders were told of all of it."""
        forget_everything()
        news = [one for one in NEWS if one != payment(status="processing")]
        perform(History(), [*told, *news, *TRANSACTIONS])
        book()
        told_of = {one for one in told if isinstance(one, tuple)}
        assert told_of <= set(TRANSACTIONS)
        balance = sum(amount - fee for _, amount, fee, _ in [*told_of, *TRANSACTIONS])
        extra = sum(amount for _, amount, _, _ in told_of)
        cash = totals()
        # A transaction that is told twice under two ids is one too many: of usd nothing but its fee is booked.
        foreign = sum(amount for source, amount, _, _ in told_of if source in {"ch_3", "re_3"})
        assert cash["cash", "usd"] == balance - extra + foreign
        assert ("cash", "eur") not in cash
        assert ("unmatched", "usd") not in cash


class TestReadingTheLog:
    def stories(self) -> None:
        for number in range(1, 9):
            order = History(number).tell(payment(f"pi_{number}"), refund(100 * number, payment_intent=f"pi_{number}"))
            order.tell(dispute("lost", 50, f"du_{number}", payment_intent=f"pi_{number}"))
            transaction(f"ch_{number}", 1000, fee=59, name=f"txn_{number}")

    def test_eight_followers_at_once_book_each_event_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(following, "BATCH", 5)
        self.stories()

        def run(_: int) -> None:
            try:
                following.follow(books)
            finally:
                connection.close()

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(run, range(8)))
        at_once = rows()
        following.rebuild(books)
        assert rows() == at_once
        assert totals()["sales", "usd"] == -8000

    def test_a_batch_that_dies_is_booked_by_the_next_follower(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(following, "BATCH", 7)
        self.stories()

        class Dying:
            name = books.name
            from_now_on = books.from_now_on

            def project(self, events: list[Event]) -> None:
                books.project(events)
                if OrderBooks.objects.count() > 2:
                    raise SystemExit

        with pytest.raises(SystemExit):
            following.follow(Dying())  # type: ignore[arg-type] # forgets nothing
        assert 0 < OrderBooks.objects.count() <= 2
        book()
        died = rows()
        following.rebuild(books)
        assert rows() == died

    def test_versions_that_settle_in_another_order_are_booked_in_theirs(self, monkeypatch: pytest.MonkeyPatch) -> None:
        History().tell(payment(), refund(300), refund(300, "failed"))
        change(transaction("ch_1", 1000, fee=59), 1000, 60)
        book()
        in_order = rows()
        backwards()
        for size in (1, 3, 1000):
            monkeypatch.setattr(following, "BATCH", size)
            following.rebuild(books)
            assert rows() == in_order

    def test_the_number_of_queries_does_not_grow_with_the_batch(self) -> None:
        self.stories()
        counts = []
        for many in (12, 60):
            books.forget()
            with CaptureQueriesContext(connection) as captured:
                books.project(list(Event.objects.order_by("position")[:many]))
            counts.append(len(captured))
        assert counts[0] <= 16
        assert counts[1] <= 16


def backwards() -> None:
    """As if, in each stream, each transaction had begun before the one that it was committed after."""
    with connection.cursor() as cursor:
        cursor.execute(
            "BEGIN; SET LOCAL session_replication_role = replica;"
            "UPDATE core_event SET transaction_id = -position WHERE stream LIKE 'balance-%';"
            "UPDATE core_event SET transaction_id = -1000000 - position WHERE stream LIKE 'order-%'; COMMIT"
        )


class TestFiguresByDay:
    def test_count_orders_and_sum_money_on_the_day_they_were_recorded(self) -> None:
        order = History(at=datetime(2026, 10, 5, 23, 57, 30, tzinfo=UTC))
        order.tell(payment(), payment("pi_2", amount=200))
        order.tell(refund(500), dispute("needs_response", 100))
        order.tell(refund(500, "failed"), dispute("won", 100))
        canceled = History(2)
        canceled.record(OrderCanceled(reason="test"))
        book()
        [first, second] = DaySummary.objects.order_by("day")
        assert (first.day.isoformat(), first.drafted, first.placed, first.canceled) == ("2026-10-05", 2, 2, 1)
        assert (first.account, first.livemode, first.currency) == OWN
        assert (second.paid, second.paid_amount, second.refunded_amount, second.disputed_amount) == (1, 1200, 0, 0)
        assert sum(second.delays.values()) == 1

    def test_leave_out_money_of_orders_that_are_not_paid(self) -> None:
        order = History().tell(payment(amount=400))
        book()
        assert DaySummary.objects.get().paid_amount == 0
        order.tell(payment("pi_2", amount=600))
        book()
        assert DaySummary.objects.get().paid_amount == 1000
