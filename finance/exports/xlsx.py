"""Tables as XLSX, sent while they are written: openpyxl makes the workbook around the sheets, which are written row by
row into the archive. Sheets of openpyxl's own take many times as long, and nothing of them can be sent before the end.

Source: ECMA-376, part 1, 18.3.1 (worksheets).
"""

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from io import BytesIO, RawIOBase
from itertools import chain, islice
from typing import IO, Any
from xml.sax.saxutils import escape
from zipfile import ZIP_DEFLATED, ZipFile

from finance.exports.cells import Cell, Row, defused

# Source: Microsoft, "Excel specifications and limits"; the first row has the heads.
ROWS_OF_A_SHEET = 1_048_576
# Below the 2 GiB from which the archive would need an extension that not every spreadsheet reads.
BYTES_OF_A_SHEET = 2**31 - 2**27
# Written and sent at once.
ROWS_AT_ONCE = 200
SHEETS = "xl/worksheets/"
BEGIN = (
    '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
    '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
    # The heads stay in sight.
    '<sheetViews><sheetView workbookViewId="0">'
    '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews><sheetData>'
)
END = "</sheetData></worksheet>"
# What is no text in XML as it stands; a line's end would be read as another.
ENTITIES = {"\r": "&#13;"}


class Outbox(RawIOBase):
    """What was written, until it is taken to be sent. It can't be sought: the archive puts sizes behind its parts."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, part: Any) -> int:
        self._parts.append(bytes(part))
        return len(part)

    def taken(self) -> bytes:
        taken = b"".join(self._parts)
        self._parts.clear()
        return taken


class Frame:
    """The workbook around the sheets, and how its cells look."""

    def __init__(self, heads: Sequence[str]) -> None:
        # Loaded by the first export: 180 modules and 5 MB, which few processes ever need.
        from openpyxl import Workbook  # noqa: PLC0415 as above
        from openpyxl.cell import WriteOnlyCell  # noqa: PLC0415 as above
        from openpyxl.styles import Font  # noqa: PLC0415 as above
        from openpyxl.utils import get_column_letter  # noqa: PLC0415 as above

        self._workbook = Workbook(write_only=True)
        self._letters = [get_column_letter(number) for number in range(1, len(heads) + 1)]
        styling = self._workbook.create_sheet()
        bold = WriteOnlyCell(styling)
        bold.font = Font(bold=True)
        self._bold = bold.style_id
        self._of_decimals: dict[int, int] = {}
        for decimals in (0, 2, 3):
            figure = WriteOnlyCell(styling)
            figure.number_format = f"0.{'0' * decimals}" if decimals else "0"
            self._of_decimals[decimals] = figure.style_id
        self._workbook.remove(styling)
        cells = (text_cell(f"{letter}1", head, self._bold) for letter, head in zip(self._letters, heads, strict=True))
        self.head_row = f'<row r="1">{"".join(cells)}</row>'

    def row(self, number: int, row: Row) -> str:
        cells = (self._cell(f"{letter}{number}", cell) for letter, cell in zip(self._letters, row, strict=True))
        return f'<row r="{number}">{"".join(cells)}</row>'

    def _cell(self, name: str, cell: Cell) -> str:
        """An empty cell is written too: some readers would give shorter rows."""
        if cell is None or cell == "":
            return f'<c r="{name}"/>'
        if isinstance(cell, str):
            return text_cell(name, str(defused(cell)))
        if isinstance(cell, Decimal):
            style = self._of_decimals[-int(cell.as_tuple().exponent)]
            return f'<c r="{name}" s="{style}"><v>{cell}</v></c>'
        return f'<c r="{name}"><v>{cell}</v></c>'

    def write_rest(self, archive: ZipFile, title: str, sheets: int) -> None:
        """All but the sheets, as openpyxl has it of a workbook with so many empty ones: `orders`, `orders 2` …"""
        for number in range(1, sheets + 1):
            self._workbook.create_sheet(title if number == 1 else f"{title} {number}")
        whole = BytesIO()
        self._workbook.save(whole)
        with ZipFile(whole) as made:
            for name in made.namelist():
                if not name.startswith(SHEETS):
                    archive.writestr(name, made.read(name))


def as_xlsx(
    title: str, heads: Sequence[str], rows: Iterable[Row], *, rows_of_a_sheet: int = ROWS_OF_A_SHEET
) -> Iterator[bytes]:
    """The file, part by part; what is more than a sheet holds goes on in another, with the same heads."""
    outbox, frame, rest, sheets = Outbox(), Frame(heads), iter(rows), 0
    with ZipFile(outbox, "w", ZIP_DEFLATED) as archive:
        # A table without rows has a sheet too.
        while (first := list(islice(rest, 1))) or not sheets:
            sheets += 1
            of_sheet = chain(first, islice(rest, rows_of_a_sheet - 1 - len(first)))
            with archive.open(f"{SHEETS}sheet{sheets}.xml", "w") as part:
                for _ in write_sheet(part, frame, of_sheet):
                    yield outbox.taken()
        frame.write_rest(archive, title, sheets)
    yield outbox.taken()


def write_sheet(part: IO[bytes], frame: Frame, rows: Iterable[Row]) -> Iterator[None]:
    """Stops after each few rows; leaves rows over when the sheet would become too large."""
    written = part.write((BEGIN + frame.head_row).encode())
    numbered = enumerate(rows, 2)
    while written < BYTES_OF_A_SHEET and (some := list(islice(numbered, ROWS_AT_ONCE))):
        written += part.write("".join(frame.row(number, row) for number, row in some).encode())
        yield
    part.write(END.encode())


def text_cell(name: str, text: str, style: int = 0) -> str:
    return f'<c r="{name}" s="{style}" t="inlineStr"><is><t xml:space="preserve">{escape(text, ENTITIES)}</t></is></c>'
