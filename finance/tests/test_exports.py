"""Rows taken out of the admin: complete, as the list was filtered, harmless in a spreadsheet, on record, in little
memory.
"""

import csv
import io
import tracemalloc
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import Permission, User
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.urls import reverse
from openpyxl import load_workbook

from core.eventlog import provenance
from core.models import Event
from finance.exports.csv_file import as_csv
from finance.exports.record import Counted, RecordedParts, begin_export, value_told
from finance.exports.resources import exports
from finance.exports.xlsx import as_xlsx
from finance.models import ExportRecord, LedgerLine
from finance.tests.rows import exception, ledger_line, order
from orders.models import Item, OrderLine

pytestmark = pytest.mark.django_db(transaction=True)

FORMATS = ["csv", "xlsx"]


def export(client: Client, of: str, file_format: str, **filters: str) -> list[dict[str, Any]]:
    """The rows of the file by their heads, as a spreadsheet's library reads them."""
    answer = client.get(f"/admin/export/{of}.{file_format}", filters)
    assert answer.status_code == 200
    content = answer.getvalue()
    answer.close()
    if file_format == "csv":
        return list(csv.DictReader(io.StringIO(content.decode(), newline=""), quoting=csv.QUOTE_STRINGS))
    sheet = load_workbook(io.BytesIO(content), read_only=True).active
    heads, *rows = sheet.values
    return [dict(zip(heads, row, strict=True)) for row in rows]


def staff(*permissions: str) -> Client:
    user = User.objects.create_user(f"finance-{uuid4()}", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user)
    return client


def facts() -> list[tuple[str, str, Any]]:
    events = Event.objects.filter(kind__startswith="export.").order_by("position")
    return [(event.kind, event.actor, event.data) for event in events]


@pytest.mark.parametrize("file_format", FORMATS)
class TestTheLedger:
    def test_has_debit_equal_to_credit_in_every_currency(self, admin_client: Client, file_format: str) -> None:
        for number, (currency, amount) in enumerate([("usd", 1850), ("usd", 99), ("jpy", 500), ("kwd", 1050)], 1):
            ledger_line(number, currency=currency, amount=amount)
            ledger_line(number + 100, currency=currency, amount=amount // 2, debit="refunds", credit="cash")
        books: Counter[tuple[str, str]] = Counter()
        debit: Counter[str] = Counter()
        credit: Counter[str] = Counter()
        for row in export(admin_client, "ledger", file_format):
            debit[row["currency"]] += int(row["debit"])
            credit[row["currency"]] += int(row["credit"])
            books[row["currency"], row["debit_account"]] += int(row["debit"])
            books[row["currency"], row["credit_account"]] -= int(row["credit"])
        assert debit == credit == {"usd": 2923, "jpy": 750, "kwd": 1575}
        assert books["usd", "cash"] == 1949 - 974
        assert all(sum(sum_ for (of, _), sum_ in books.items() if of == currency) == 0 for currency in debit)

    def test_tells_all_of_a_line(self, admin_client: Client, file_format: str) -> None:
        line = ledger_line(7, livemode=True, is_adjustment=True, currency="kwd", amount=1050)
        [row] = export(admin_client, "ledger", file_format)
        numbers = {"line": line.pk, "order": 7, "debit": 1050, "credit": 1050, "position": 7}
        assert {name: row.pop(name) for name in numbers} == numbers
        assert {Decimal(str(row.pop(name))) for name in ("debit_major", "credit_major")} == {Decimal("1.05")}
        assert row == {
            "month": "2026-11",
            "adjustment": "true",
            "happened_at": "2026-11-03T04:05:06Z",
            "movement": "payment",
            "account": "default",
            "mode": "live",
            "object": "pi_7",
            "currency": "kwd",
            "debit_account": "cash",
            "credit_account": "receivable",
        }

    def test_has_the_rows_that_the_list_shows_and_those_of_its_other_pages(
        self, admin_client: Client, file_format: str
    ) -> None:
        for number in range(1, 121):
            ledger_line(
                number, movement="refund" if number % 2 else "payment", currency="eur" if number > 90 else "usd"
            )
        rows = export(admin_client, "ledger", file_format, movement__exact="refund", currency="usd")
        assert [row["position"] for row in rows] == list(range(1, 90, 2))
        assert len(export(admin_client, "ledger", file_format)) == 120
        assert [row["object"] for row in export(admin_client, "ledger", file_format, q="pi_8")] == ["pi_8"]

    def test_is_filtered_by_month_and_adjustment(self, admin_client: Client, file_format: str) -> None:
        ledger_line(1, month=date(2025, 12, 1))
        ledger_line(2, month=date(2026, 2, 1))
        ledger_line(3, month=date(2026, 2, 1), is_adjustment=True)
        found = {
            month: [row["position"] for row in export(admin_client, "ledger", file_format, month=month)]
            for month in ("2025-12", "2026-01", "2026-02")
        }
        assert found == {"2025-12": [1], "2026-01": [], "2026-02": [2, 3]}
        [adjustment] = export(admin_client, "ledger", file_format, month="2026-02", is_adjustment__exact="1")
        assert adjustment["position"] == 3

    def test_without_rows_has_heads(self, admin_client: Client, file_format: str) -> None:
        assert export(admin_client, "ledger", file_format) == []


@pytest.mark.parametrize("file_format", FORMATS)
class TestOrders:
    def test_tell_state_money_and_times(self, admin_client: Client, file_format: str) -> None:
        mug = Item.objects.create(name="Mug", price=1850)
        one = order(
            1, state="partially_refunded", attention=["surplus", "refund_failed"], subtotal=2000, discount=300,
            tax=150, total=1850, received=1900, refunded=50, surplus=50,
            drafted_at=datetime(2026, 11, 1, 1, 2, 3, 999999, tzinfo=UTC), placed_at=datetime(2026, 11, 1, tzinfo=UTC),
        )  # fmt: skip
        for name, quantity in (("Mug", 2), ("Чайник; «5 л»", 1)):
            OrderLine.objects.create(
                pk=f"1-{name}", order=one, item=mug, name=name, quantity=quantity, unit_amount=1850
            )
        [row] = export(admin_client, "orders", file_format)
        minor = ["subtotal", "discount", "tax", "total", "received", "refunded", "surplus"]
        assert [row[name] for name in minor] == [2000, 300, 150, 1850, 1900, 50, 50]
        majors = [Decimal(str(row[f"{name}_major"])) for name in minor]
        assert majors == [Decimal(str(amount)) / 100 for amount in (2000, 300, 150, 1850, 1900, 50, 50)]
        words = {name: row[name] for name in ("id", "state", "dispute_state", "mode", "attention", "items")}
        assert words == {
            "id": 1,
            "state": "partially_refunded",
            "dispute_state": "none",
            "mode": "test",
            "attention": "surplus refund_failed",
            "items": "2 x Mug; 1 x Чайник; «5 л»",
        }
        assert (row["drafted"], row["placed"]) == ("2026-11-01T01:02:03Z", "2026-11-01T00:00:00Z")
        assert not row["paid"]

    def test_are_filtered_as_the_list_is(self, admin_client: Client, file_format: str) -> None:
        order(1, state="paid", attention=["surplus"])
        order(2, state="paid")
        order(3, state="refunded", attention=["surplus"])
        rows = export(admin_client, "orders", file_format, state__exact="paid", attention="surplus")
        assert [row["id"] for row in rows] == [1]
        assert [row["id"] for row in export(admin_client, "orders", file_format)] == [1, 2, 3]

    def test_carry_no_formula(self, admin_client: Client, file_format: str) -> None:
        """Of what an order has, Stripe's ids and an account's name stand alone in their cells."""
        order(1, account='=HYPERLINK("http://evil")')
        [row] = export(admin_client, "orders", file_format)
        assert row["account"] == '\'=HYPERLINK("http://evil")'

    def test_ask_no_more_for_many(
        self, admin_client: Client, file_format: str, django_assert_max_num_queries: Any
    ) -> None:
        for number in range(1, 40):
            order(number)
        with django_assert_max_num_queries(25):
            export(admin_client, "orders", file_format)


@pytest.mark.parametrize("file_format", FORMATS)
class TestExceptions:
    def test_have_the_amounts_of_both_sides_as_far_as_there_are_any(
        self, admin_client: Client, file_format: str
    ) -> None:
        exception("ch_1", kind="ours_without_theirs", our_amount=1850, our_currency="usd", order_id=7)
        exception("ch_2", kind="theirs_without_ours", their_amount=500, their_currency="jpy", settled=True)
        ours, theirs = export(admin_client, "exceptions", file_format)
        assert (ours["object"], int(ours["order"]), int(ours["our_amount"])) == ("ch_1", 7, 1850)
        assert (Decimal(str(ours["our_amount_major"])), ours["their_amount"] or "") == (Decimal("18.5"), "")
        assert (int(theirs["their_amount"]), theirs["their_currency"], theirs["our_amount"] or "") == (500, "jpy", "")
        assert [row["object"] for row in export(admin_client, "exceptions", file_format, standing="open")] == ["ch_1"]


class TestWhoMayExport:
    @pytest.mark.parametrize("file_format", FORMATS)
    def test_is_who_may_look(self, file_format: str) -> None:
        order(1)
        ledger_line(1)
        viewer = staff("view_order")
        assert len(export(viewer, "orders", file_format)) == 1
        assert viewer.get(f"/admin/export/ledger.{file_format}").status_code == 403
        assert staff("add_order", "change_item").get(f"/admin/export/orders.{file_format}").status_code == 403
        assert [kind for kind, _, _ in facts()] == ["export.begun", "export.made"]

    def test_is_nobody_else(self, client: Client) -> None:
        answer = client.get("/admin/export/orders.csv")
        assert (answer.status_code, answer["Location"]) == (302, "/admin/login/?next=/admin/export/orders.csv")
        client.force_login(User.objects.create_user("shopper"))
        assert client.get("/admin/export/orders.csv").status_code == 302
        assert facts() == []

    @pytest.mark.parametrize(
        ("address", "status"),
        [
            ("/admin/export/users.csv", 404),
            ("/admin/export/orders.pdf", 404),
            ("/admin/export/orders.csv?state__exakt=paid", 400),
            ("/admin/export/orders.csv?lines__item__name=x", 400),
            ("/admin/export/orders.csv?id__exact=x", 400),
        ],
    )
    def test_gets_nothing_but_what_a_list_shows(self, admin_client: Client, address: str, status: int) -> None:
        assert admin_client.get(address).status_code == status
        assert facts() == []

    def test_gets_it_for_a_get_alone(self, admin_client: Client) -> None:
        assert {
            method("/admin/export/orders.csv").status_code for method in (admin_client.post, admin_client.head)
        } == {405}

    @pytest.mark.parametrize(("of", "page"), [("orders", "orders_order"), ("ledger", "finance_ledgerline")])
    def test_finds_it_on_the_list_with_its_filters(self, admin_client: Client, of: str, page: str) -> None:
        text = admin_client.get(reverse(f"admin:{page}_changelist"), {"account": "euro", "p": "1"}).content.decode()
        for file_format in FORMATS:
            assert f'href="/admin/export/{of}.{file_format}?account=euro"' in text


class TestOnTheLog:
    @pytest.mark.parametrize("file_format", FORMATS)
    def test_is_who_took_what_and_how_much(self, admin_user: User, admin_client: Client, file_format: str) -> None:
        order(1, state="paid")
        order(2, state="refunded")
        export(admin_client, "orders", file_format, state__exact="paid", q="1")
        actor = f"staff:{admin_user.pk}"
        filters = [{"name": "q", "value": "1"}, {"name": "state__exact", "value": "paid"}]
        assert facts() == [
            (
                "export.begun",
                actor,
                {"of": "orders", "format": file_format, "person": admin_user.pk, "filters": filters},
            ),
            ("export.made", actor, {"rows": 1}),
        ]
        page = admin_client.get("/admin/finance/exportrecord/").content.decode()
        assert "admin" in page
        assert "q 1, state__exact paid" in page
        assert (
            admin_client.get(f"/admin/finance/exportrecord/{ExportRecord.objects.get().pk}/change/").status_code == 200
        )

    def test_is_that_it_was_broken_off_when_the_reader_goes_away(self, admin_client: Client) -> None:
        LedgerLine.objects.bulk_create(
            LedgerLine(
                position=number, number=0, account="default", livemode=False, movement="payment", object_id="pi",
                debit="cash", credit="receivable", amount=1, currency="usd",
                happened_at=datetime(2026, 11, 1, tzinfo=UTC), month=date(2026, 11, 1),
            )
            for number in range(5000)
        )  # fmt: skip
        answer: Any = admin_client.get("/admin/export/ledger.csv")
        next(iter(answer.streaming_content))
        assert not connection.in_atomic_block
        assert self.open_cursors() == 1
        assert self.open_transactions() == 0
        answer.close()
        assert self.open_cursors() == 0
        [_, (kind, _, told)] = facts()
        assert kind == "export.broken_off"
        assert 0 < told["rows"] < 5000

    @pytest.mark.parametrize("file_format", FORMATS)
    def test_is_that_it_was_broken_off_when_nobody_began_to_read(self, admin_client: Client, file_format: str) -> None:
        ledger_line(1)
        answer: Any = admin_client.get(f"/admin/export/ledger.{file_format}")
        answer.close()
        answer.close()
        assert [(kind, told.get("rows")) for kind, _, told in facts()] == [
            ("export.begun", None),
            ("export.broken_off", 0),
        ]
        assert ExportRecord.objects.get().state == "broken_off"

    def test_is_that_it_was_broken_off_when_a_row_can_not_be_read(self) -> None:
        def rows() -> Iterator[list[Any]]:
            yield ["one"]
            raise ConnectionError

        with provenance.acting("staff:1"):
            recording = begin_export(of="ledger", file_format="csv", person=1, asked={})
        parts = RecordedParts(recording, rows(), lambda counted: as_csv(["head"], counted))
        with pytest.raises(ConnectionError):
            list(parts)
        parts.close()
        assert facts()[-1] == ("export.broken_off", "staff:1", {"rows": 1})

    def open_cursors(self) -> int:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_cursors WHERE name LIKE '%django%'")
            return int(cursor.fetchone()[0])

    def open_transactions(self) -> int:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'")
            return int(cursor.fetchone()[0])

    @pytest.mark.parametrize(
        ("name", "value", "told"),
        [
            ("state__exact", "paid", "paid"),
            ("placed_at__gte", "2026-11-01T00:00:00+00:00", "2026-11-01T00:00:00+00:00"),
            ("q", " 42 ", "42"),
            ("q", "#42", "#42"),
            ("q", "43", "(text)"),
            ("q", "79161234567", "(text)"),
            ("q", "pi_3Bx9", "pi_3Bx9"),
            ("q", "cs_test_a1B2", "cs_test_a1B2"),
            ("q", "ann_smith", "(text)"),
            ("q", "Ann", "(text)"),
            ("q", "ann@example.com", "(text)"),
            ("currency", "ann@example.com", "(text)"),
            ("currency", "Ann Smith", "(text)"),
        ],
    )
    def test_is_no_value_that_may_be_about_a_person(self, name: str, value: str, told: str) -> None:
        order(42)
        assert value_told(name, value) == told

    def test_folds_into_the_same_rows_again(self, admin_client: Client, capsys: pytest.CaptureFixture[str]) -> None:
        export(admin_client, "orders", "csv", q="somebody@example.com")
        call_command("replay", "--check")
        assert capsys.readouterr().out == ""


class TestALongExport:
    """Peak of Python's memory: of rows there are never more than two handfuls from the database at once."""

    @pytest.mark.parametrize(("file_format", "few", "many"), [("csv", 1_500, 8_000), ("xlsx", 1_500, 8_000)])
    def test_needs_no_more_memory_than_a_short_one(self, file_format: str, few: int, many: int) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                """INSERT INTO finance_ledgerline (position, number, order_id, account, livemode, movement, object_id,
                debit, credit, amount, currency, happened_at, month, is_adjustment)
                SELECT n, 0, n, 'default', false, 'payment', 'pi_' || n, 'cash', 'receivable', n, 'usd', now(),
                '2026-11-01', false FROM generate_series(1, %s) n""",
                [many],
            )
        short, long = (self.peak(file_format, rows) for rows in (few, many))
        assert long < short * 1.1
        assert long < 2_000_000

    def peak(self, file_format: str, count: int) -> int:
        ledger = replace(exports["ledger"], rows_at_once=100)
        rows = Counted(ledger.rows(LedgerLine.objects.filter(position__lte=count)))
        tracemalloc.start()
        try:
            parts = as_csv(ledger.heads, rows) if file_format == "csv" else as_xlsx("ledger", ledger.heads, rows)
            deque(parts, maxlen=0)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
            assert rows.count == count


def test_a_name_that_nobody_bound_is_not_needed_to_end_an_export(admin_client: Client) -> None:
    """The response is streamed when the middleware that binds who acts has returned."""
    answer: Any = admin_client.get("/admin/export/orders.csv")
    with pytest.raises(LookupError):
        provenance.current()
    assert b"".join(answer.streaming_content).startswith(b'"id","state"')
    assert [kind for kind, _, _ in facts()] == ["export.begun", "export.made"]
