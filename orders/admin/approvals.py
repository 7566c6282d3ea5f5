"""What staff asked of each other, and wrote, in lists of their own."""

from collections.abc import Iterable

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from core.admin import indented_json, text_link
from core.money import format_money
from core.times import local_time
from orders.admin.parts import order_link
from orders.admin.people import NamedStaffAdmin
from orders.models import ApprovalState, RefundApproval, StaffNote

APPROVAL_COLORS: dict[str, str] = {
    ApprovalState.WAITING: "warning",
    ApprovalState.APPROVED: "success",
    ApprovalState.DECLINED: "danger",
}


@admin.register(RefundApproval)
class RefundApprovalAdmin(NamedStaffAdmin):
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

    def actors_of(self, row: RefundApproval) -> Iterable[str]:
        return row.asked_by, row.decided_by

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
        return self.name_in(approval, approval.asked_by)

    @display(description=_("decided by"))
    def decided_by_name(self, approval: RefundApproval) -> str:
        return self.name_in(approval, approval.decided_by)

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
class StaffNoteAdmin(NamedStaffAdmin):
    """What staff wrote about orders; a note is erased on the page of its order."""

    list_display = ["added", "of_order", "author", "text"]
    ordering = ["-added_at", "id"]
    search_fields = ["order_id__exact"]
    search_help_text = _("Order's number")
    fields = ["of_order", "author", "added", "text"]

    def actors_of(self, row: StaffNote) -> tuple[str]:
        return (f"staff:{row.author_id}" if row.author_id else "",)

    @display(description=_("order"))
    def of_order(self, note: StaffNote) -> SafeString:
        return order_link(note.order_id)

    @display(description=_("author"))
    def author(self, note: StaffNote) -> str:
        return self.name_in(note, *self.actors_of(note))

    @display(description=_("added"))
    def added(self, note: StaffNote) -> SafeString | str:
        return local_time(note.added_at)
