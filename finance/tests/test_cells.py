"""Cells of exports: harmless in a spreadsheet, and what they were."""

import csv
import io
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import load_workbook

from finance.exports.cells import defused
from finance.exports.formats import as_csv, write_xlsx


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
        file = io.BytesIO()
        write_xlsx(file, "t", ["text"], [[text]])
        [_, (cell,)] = load_workbook(file).active.iter_rows()
        assert cell.data_type != "f"
        # A line's end is one character in XML, whichever it was.
        assert (cell.value or "") == told.replace("\r\n", "\n").replace("\r", "\n")

    def test_with_a_negative_amount_is_a_number_in_both_formats(self) -> None:
        row = [-5, Decimal("-0.05"), Decimal("1.050"), Decimal(7)]
        assert b"".join(as_csv(["a"], [row])) == b'"a"\r\n-5,-0.05,1.050,7\r\n'
        file = io.BytesIO()
        write_xlsx(file, "t", ["a", "b", "c", "d"], [row, row])
        cells = list(load_workbook(file).active.iter_rows())[2]
        assert [(cell.value, cell.number_format) for cell in cells] == [
            (-5, "General"),
            (-0.05, "0.00"),
            (1.05, "0.000"),
            (7, "0"),
        ]


def test_what_is_more_than_a_sheet_holds_goes_on_in_another() -> None:
    file = io.BytesIO()
    write_xlsx(file, "ledger", ["n"], ([number] for number in range(5)), rows_of_a_sheet=3)
    sheets = {sheet.title: [row[0] for row in sheet.values] for sheet in load_workbook(file)}
    assert sheets == {"ledger": ["n", 0, 1], "ledger 2": ["n", 2, 3], "ledger 3": ["n", 4]}
