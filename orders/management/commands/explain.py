"""`manage.py explain <order>`."""

import shutil
import unicodedata
from argparse import ArgumentParser
from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate

from django.core.management.base import BaseCommand

from orders.models import Order
from orders.timeline import Happening, situation, timeline

WIDEST = 100
INDENT = 21  # the time and two spaces
# Unicode's categories of controls, of invisible formatting (overridden directions are among it), and of line breaks.
STEERING = frozenset({"Cc", "Cf", "Zl", "Zp"})


class Command(BaseCommand):
    help = "Tell an order's story: what it is now and why, then what happened, one line each, times in UTC."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("order", type=int, help="its number")

    def handle(self, *, order: int, **_options: object) -> None:
        found = Order.objects.filter(pk=order).first()
        if found is None:
            self.stderr.write(f"explain: there is no order {order}")
            raise SystemExit(1)
        self.tell(situation(found))
        for row in timeline(found):
            self.tell(f"{row.at:%Y-%m-%d %H:%M:%S}  {row.sentence} [{origin(row)}]", indent=INDENT)

    def tell(self, text: str, indent: int = 0) -> None:
        """One line; on a terminal as many as it takes, so that words stay whole and what follows is indented."""
        text = printable(text)
        width = min(shutil.get_terminal_size().columns, WIDEST) if self.stdout.isatty() else None
        for line in wrapped(text, width, indent) if width else [text]:
            self.stdout.write(line)


def origin(row: Happening) -> str:
    """Who did it; then the delivery's own name, or the name of the delivery that led to it."""
    name = f", as {row.name}" if row.name else ""
    cause = f", because of {row.cause}" if row.cause else ""
    return f"by {row.actor}{name}{cause}"


def printable(text: str) -> str:
    """Without what would steer the terminal: an item may be called anything."""
    return "".join("\N{REPLACEMENT CHARACTER}" if unicodedata.category(sign) in STEERING else sign for sign in text)


def columns(sign: str) -> int:
    """How wide a terminal shows it. Source: Unicode Standard Annex 11, East Asian Width."""
    if unicodedata.category(sign) in {"Mn", "Me"}:
        return 0
    return 2 if unicodedata.east_asian_width(sign) in {"W", "F"} else 1


def wrapped(text: str, width: int, indent: int) -> Iterator[str]:
    """Lines of at most `width` columns, all but the first one indented."""
    margin = ""
    while sum(map(columns, margin + text)) > width:
        end = end_of_line(text, width - len(margin))
        yield margin + text[:end]
        text, margin = text[end:].lstrip(" "), " " * min(indent, width // 2)
    yield margin + text


def end_of_line(text: str, room: int) -> int:
    """After how many signs to break: at the last space that is not too far back, else where the room ends."""
    fitting = max(1, bisect_right(list(accumulate(map(columns, text))), room))
    space = text.rfind(" ", fitting // 2, fitting + 1)
    return space if space > 0 else fitting
