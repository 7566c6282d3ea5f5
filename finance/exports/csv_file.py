"""Tables as CSV, sent while they are written."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from io import StringIO

from finance.exports.cells import Row, defused

# As much is sent at once.
CHUNK = 64 * 1024


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
