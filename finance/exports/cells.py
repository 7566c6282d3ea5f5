"""Cells that a spreadsheet shows as they are, and never runs. Source: OWASP, "CSV injection"."""

import re
from collections.abc import Sequence
from decimal import Decimal

type Cell = str | int | Decimal | None
type Row = Sequence[Cell]

# What a spreadsheet may take for the beginning of a formula, or for the end of the cell before; also behind white
# space, quotes and what has no width, and in the full width of East Asian scripts.
FORMULA = re.compile(
    r"[\s\"'`\u00ab\u00bb\u2018-\u201f\u200b-\u200f\u2060\ufeff]*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]"
)
# Not allowed in XML 1.0, hence in no XLSX; in a CSV they serve nobody either.
UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
# The most that a cell of XLSX holds. Source: Microsoft, "Excel specifications and limits".
LONGEST = 32_767


def defused(cell: Cell) -> Cell:
    """A text that might be run as a formula gets an apostrophe in front; numbers stay numbers."""
    if not isinstance(cell, str):
        return cell
    text = UNWRITABLE.sub("", cell)
    if FORMULA.match(text):
        text = f"'{text}"
    return text[:LONGEST]
