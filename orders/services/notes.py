"""Notes of staff: the text stands beside the log, which keeps its digest."""

import secrets
from uuid import UUID

from django.utils import timezone

from core.eventlog import provenance
from core.models import Event
from orders.decisions.noting import decide_note
from orders.events import OrderNoteErased
from orders.models import StaffNote
from orders.services.loading import locked_order
from orders.services.refusals import refusals_on_record

SALT_BYTES = 16
NOTE_ADDED = "order.note_added"


@refusals_on_record
def add_note(*, order_id: int, note_id: UUID, text: str) -> None:
    """Keep a note of whoever acts; the same `note_id` again does nothing, also after it was erased.

    Raises NotFound or NoteRefused.
    """
    text = text.replace("\r\n", "\n").strip()
    with locked_order(order_id) as order:
        stream = order.root.stream
        if Event.objects.filter(stream=stream, kind=NOTE_ADDED, data__note=str(note_id)).exists():
            return
        salt = secrets.token_bytes(SALT_BYTES)
        order.record(decide_note(order, note=str(note_id), text=text, salt=salt))
        StaffNote.objects.create(
            id=note_id, order_id=order_id, text=text, salt=salt, author_id=present_person(), added_at=timezone.now()
        )


def present_person() -> int | None:
    """The number of the person who acts; None where it is none."""
    role, _, key = provenance.current().actor.partition(":")
    return int(key) if role == "staff" and key.isdecimal() else None


def erase_note(*, order_id: int, note_id: UUID) -> None:
    """The text is gone for good, with what its digest could be guessed by; again does nothing. Raises NotFound."""
    with locked_order(order_id) as order:
        deleted, _ = StaffNote.objects.filter(pk=note_id, order_id=order_id).delete()
        if deleted:
            order.record(OrderNoteErased(note=str(note_id)))
