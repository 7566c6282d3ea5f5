"""Notes on an order, written and erased from its page."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from core.refusals import Refusal
from orders.admin.actions import ask, back_to
from orders.models import Order, StaffNote
from orders.services.notes import add_note, erase_note

ERASE = "orders.delete_staffnote"


class NoteForm(forms.Form):
    """What a note must say is judged by the service; here, that it can be kept at all."""

    note = forms.UUIDField()
    text = forms.CharField(required=False)


def note_view(_admin: Any, request: HttpRequest, order: Order) -> HttpResponse:
    """The form stands on the order's page: a note asks nothing of anybody."""
    if request.method == "POST":
        form = NoteForm(request.POST)
        if not form.is_valid():
            messages.error(request, _("The form of the note was broken: write it again."))
            return back_to(order)
        try:
            add_note(order_id=order.pk, note_id=form.cleaned_data["note"], text=form.cleaned_data["text"])
            messages.success(request, _("The note was added."))
        except Refusal as refusal:
            messages.error(request, str(refusal))
    return back_to(order)


def erase_note_view(admin: Any, request: HttpRequest, order: Order, *, note: UUID) -> HttpResponse:
    if not request.user.has_perm(ERASE):
        raise PermissionDenied
    if request.method == "POST":
        erase_note(order_id=order.pk, note_id=note)
        messages.success(request, _("The text of the note is erased."))
        return back_to(order)
    found = StaffNote.objects.filter(pk=note, order_id=order.pk).first()
    if found is None:
        messages.info(request, _("The text of this note was erased already."))
        return back_to(order)
    return ask(
        admin, request, order, "erase_note", _("Erase a note on order %(number)s") % {"number": order.pk}, note=found
    )
