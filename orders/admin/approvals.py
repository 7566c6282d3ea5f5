"""What staff asked of each other, and wrote, in lists of their own."""

from collections.abc import Mapping
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from core.admin import ReadOnlyAdmin, indented_json, text_link
from core.money import format_money
from core.times import local_time
from orders.admin.parts import order_link
from orders.models import ApprovalState, RefundApproval, StaffNote
from orders.timeline import actor_in_words, staff_names

APPROVAL_COLORS: dict[str, str] = {
    ApprovalState.WAITING: "warning",
    ApprovalState.APPROVED: "success",
    ApprovalState.DECLINED: "danger",
}


def in_name(actor: str, names: Mapping[str, str] | None = None) -> str:
    return actor_in_words(actor, staff_names([actor]) if names is None else names) if actor else "-"


@admin.register(RefundApproval)
class RefundApprovalAdmin(ReadOnlyAdmin):
    """Refunds above the limit, newest first; they are decided on the pages of their orders."""

    list_display = ["asked", "of_order", "money", "labelled_state", "reason", "asked_by_name", "decided_by_name"]
    list_filter = ["state"]
    ordering = ["-asked_at", "id"]
    search_fields = ["order_id__exact"]
    search_help_text = _("Order's number")
    fields = [
        "approval",
        "of_order",
        "labelled_state",
        "money",
        "reason",
        "content",
        "asked_by_name",
        "asked",
        "decided_by_name",
        "decided",
        "to_decide",
    ]

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """The names of all who are on the page are asked for once."""
        changelist = super().get_changelist_instance(request)
        rows = list(changelist.result_list)
        names = staff_names(actor for row in rows for actor in (row.asked_by, row.decided_by))
        for row in rows:
            row.names = names
        changelist.result_list = rows
        return changelist

    @display(description=_("order"))
    def of_order(self, approval: RefundApproval) -> SafeString:
        return order_link(approval.order_id)

    @display(description=_("state"), label=APPROVAL_COLORS)
    def labelled_state(self, approval: RefundApproval) -> tuple[str, str]:
        return approval.state, approval.get_state_display()

    @display(description=_("amount"))
    def money(self, approval: RefundApproval) -> str:
        return format_money(approval.amount, approval.currency)

    @display(description=_("payments and lines"))
    def content(self, approval: RefundApproval) -> SafeString:
        return indented_json({"payments": approval.parts, "lines": approval.lines})

    @display(description=_("asked by"))
    def asked_by_name(self, approval: RefundApproval) -> str:
        return in_name(approval.asked_by, getattr(approval, "names", None))

    @display(description=_("decided by"))
    def decided_by_name(self, approval: RefundApproval) -> str:
        return in_name(approval.decided_by, getattr(approval, "names", None))

    @display(description=_("asked"))
    def asked(self, approval: RefundApproval) -> SafeString | str:
        return local_time(approval.asked_at)

    @display(description=_("decided"))
    def decided(self, approval: RefundApproval) -> SafeString | str:
        return local_time(approval.decided_at)

    @display(description=_("to decide"))
    def to_decide(self, approval: RefundApproval) -> SafeString | str:
        if approval.state != ApprovalState.WAITING:
            return "-"
        names = {"approve": _("Approve"), "decline": _("Decline")}
        links = [
            text_link(reverse(f"admin:orders_order_{name}", args=[approval.order_id, approval.approval]), title)
            for name, title in names.items()
        ]
        return format_html("{} · {}", *links)


@admin.register(StaffNote)
class StaffNoteAdmin(ReadOnlyAdmin):
    """What staff wrote about orders; a note is erased on the page of its order."""

    list_display = ["added", "of_order", "author", "text"]
    ordering = ["-added_at", "id"]
    search_fields = ["order_id__exact"]
    search_help_text = _("Order's number")
    fields = ["of_order", "author", "added", "text"]

    @display(description=_("order"))
    def of_order(self, note: StaffNote) -> SafeString:
        return order_link(note.order_id)

    @display(description=_("author"))
    def author(self, note: StaffNote) -> str:
        return in_name(f"staff:{note.author_id}" if note.author_id else "")

    @display(description=_("added"))
    def added(self, note: StaffNote) -> SafeString | str:
        return local_time(note.added_at)
