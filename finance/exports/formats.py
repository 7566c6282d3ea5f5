"""Tables as CSV and XLSX, written row by row: neither holds more than a few rows in memory."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from io import StringIO
from typing import IO, Any

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Font

from finance.exports.cells import Cell, defused

# As much is sent at once.
CHUNK = 64 * 1024
# Source: Microsoft, "Excel specifications and limits"; the first row has the heads.
ROWS_OF_A_SHEET = 1_048_576

type Row = Sequence[Cell]


def as_csv(heads: Sequence[str], rows: Iterable[Row]) -> Iterator[bytes]:
    """UTF-8, RFC 4180, every text in quotes and no number."""
    buffer = StringIO()
    writer = csv.writer(buffer, quoting=csv.QUOTE_STRINGS)
    writer.writerow(heads)
    for row in rows:
        writer.writerow([defused(cell) for cell in row])
        if buffer.tell() >= CHUNK:
            yield taken(buffer)
    yield taken(buffer)


def taken(buffer: StringIO) -> bytes:
    """What is in the buffer, which is empty afterwards."""
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text.encode()


def write_xlsx(
    file: IO[bytes], title: str, heads: Sequence[str], rows: Iterable[Row], *, rows_of_a_sheet: int = ROWS_OF_A_SHEET
) -> None:
    """Into a file that can be sought; what is more than a sheet holds goes on in another, with the same heads."""
    workbook = Workbook(write_only=True)
    sheet, free = None, 0
    for row in rows:
        if sheet is None or not free:
            sheet, free = begin_sheet(workbook, title, heads), rows_of_a_sheet - 1
            cells = NumberCells(sheet)
        # A generator: each cell is written before the next one is asked for.
        sheet.append(cells.cell(value) if isinstance(value, Decimal) else defused(value) for value in row)
        free -= 1
    if sheet is None:
        begin_sheet(workbook, title, heads)
    workbook.save(file)


def begin_sheet(workbook: Workbook, title: str, heads: Sequence[str]) -> Any:
    """`orders`, then `orders 2`; its heads stay in sight."""
    number = len(workbook.worksheets) + 1
    sheet = workbook.create_sheet(title if number == 1 else f"{title} {number}")
    sheet.freeze_panes = "A2"
    bold = []
    for head in heads:
        cell = WriteOnlyCell(sheet, head)
        cell.font = Font(bold=True)
        bold.append(cell)
    sheet.append(bold)
    return sheet


class NumberCells:
    """Cells that show as many decimals as their number has. A cell is written at once, so one serves for all rows."""

    def __init__(self, sheet: Any) -> None:
        self._sheet = sheet
        self._of_decimals: dict[int, Any] = {}

    def cell(self, value: Decimal) -> Any:
        decimals = -int(value.as_tuple().exponent)
        found = self._of_decimals.get(decimals)
        if found is None:
            found = self._of_decimals[decimals] = WriteOnlyCell(self._sheet)
            found.number_format = f"0.{'0' * decimals}" if decimals else "0"
        found.value = value
        return found
