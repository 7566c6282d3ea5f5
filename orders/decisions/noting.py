"""Notes: something is said, and not too much."""

import hashlib

from django.utils.translation import gettext_noop as _

from orders.decisions.commands import CommandRefused
from orders.events import OrderNoteAdded
from orders.projections import OrderAggregate

LONGEST = 2000


class NoteRefused(CommandRefused):
    """A note says something, and not too much."""

    code = "note_refused"
    message = _("This note can't be added: {reason}.")
    command = "note"
    words = {"empty": _("it is empty"), "too_long": _("it has more than 2000 characters")}


def decide_note(order: OrderAggregate, *, note: str, text: str, salt: bytes) -> OrderNoteAdded:
    """Raises NoteRefused."""
    if not text or len(text) > LONGEST:
        raise NoteRefused(order_id=order.root.pk, reason="too_long" if text else "empty")
    return OrderNoteAdded(note=note, sha256=digest_of(salt, text))


def digest_of(salt: bytes, text: str) -> str:
    return hashlib.sha256(salt + text.encode()).hexdigest()
