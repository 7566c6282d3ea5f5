"""Cells of exports: harmless in a spreadsheet, and what they were."""

import csv
import io
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import load_workbook

from finance.exports.cells import Cell, Row, defused
from finance.exports.csv_file import as_csv
from finance.exports.xlsx import as_xlsx


def workbook(heads: list[str], rows: Iterable[Row], **limits: int) -> Any:
    """What a spreadsheet's library reads."""
    return load_workbook(io.BytesIO(b"".join(as_xlsx("ledger", heads, rows, **limits))))


def sheets(book: Any) -> dict[str, list[Any]]:
    """The first column of each."""
    return {sheet.title: [row[0] for row in sheet.values] for sheet in book}


class TestACell:
    @pytest.mark.parametrize("first", list("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20"))
    @pytest.mark.parametrize("before", ["", " ", "  ", '"', "'", "\u00a0", "\u3000", "\ufeff", "\u200b", ' "\t'])
    def test_is_defused(self, before: str, first: str) -> None:
        assert defused(f"{before}{first}SUM(A1)") == f"'{before}{first}SUM(A1)"

    @pytest.mark.parametrize("text", ["", "Mug", "1 = 1", "a@b", "x-1", "pi_3=", "Чайник", " Mug", '"Mug"', "2 x =1"])
    def test_is_left_alone_when_it_is_none(self, text: str) -> None:
        assert defused(text) == text

    @pytest.mark.parametrize("number", [-5, 0, Decimal("-0.05"), None])
    def test_that_is_a_number_stays_one(self, number: Any) -> None:
        assert defused(number) is number

    def test_holds_no_more_than_a_spreadsheet_allows(self) -> None:
        assert defused("a\x00b\x0bc\ud800" + "d" * 40_000) == "abc" + "d" * (32_767 - 3)

    @given(st.text(max_size=60))
    def test_is_read_back_from_both_formats_and_no_formula_in_either(self, text: str) -> None:
        told = defused(text)
        assert isinstance(told, str)
        [_, row] = csv.reader(io.StringIO(b"".join(as_csv(["text"], [[text]])).decode(), newline=""))
        assert row == [told]
        [_, (cell,)] = workbook(["text"], [[text], ["end"]]).active.iter_rows(max_row=2)
        assert cell.data_type != "f"
        assert (cell.value or "") == told

    def test_with_a_negative_amount_is_a_number_in_both_formats(self) -> None:
        row: Row = [-5, Decimal("-0.05"), Decimal("1.050"), Decimal(7)]
        assert b"".join(as_csv(["a"], [row])) == b'"a"\r\n-5,-0.05,1.050,7\r\n'
        cells = list(workbook(["a", "b", "c", "d"], [row, row]).active.iter_rows())[2]
        assert [(cell.value, cell.number_format) for cell in cells] == [
            (-5, "General"),
            (-0.05, "0.00"),
            (1.05, "0.000"),
            (7, "0"),
        ]


class TestASheet:
    def test_that_is_full_is_followed_by_another(self) -> None:
        assert sheets(workbook(["n"], ([number] for number in range(5)), rows_of_a_sheet=3)) == {
            "ledger": ["n", 0, 1],
            "ledger 2": ["n", 2, 3],
            "ledger 3": ["n", 4],
        }

    def test_is_followed_by_none_when_all_fits(self) -> None:
        rows = [[number] for number in range(4)]
        assert sheets(workbook(["n"], rows, rows_of_a_sheet=5)) == {"ledger": ["n", 0, 1, 2, 3]}
        assert sheets(workbook(["n"], [])) == {"ledger": ["n"]}

    def test_that_grows_too_large_is_followed_by_another(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("finance.exports.xlsx.BYTES_OF_A_SHEET", 2000)
        monkeypatch.setattr("finance.exports.xlsx.ROWS_AT_ONCE", 10)
        found = sheets(workbook(["n"], [[number] for number in range(200)]))
        assert len(found) > 2
        assert [number for values in found.values() for number in values if number != "n"] == list(range(200))

    def test_keeps_its_heads_in_sight_and_bold(self) -> None:
        sheet = workbook(["n"], [[1]]).active
        assert (sheet.freeze_panes, sheet["A1"].font.bold, sheet["A2"].font.bold) == ("A2", True, False)

    def test_is_sent_while_it_is_written(self) -> None:
        asked = []

        def rows() -> Iterator[list[Cell]]:
            for number in range(10_000):
                asked.append(number)
                yield [number, "text" * 50]

        parts = as_xlsx("t", ["n", "text"], rows())
        while len(next(parts)) == 0:
            pass
        assert len(asked) < 5_000
