"""E-mails to shoppers: what was sent, what waits and why. No address is shown, since none stands here."""

from django.contrib import admin
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from core.admin import ReadOnlyAdmin
from core.times import local_time
from orders.admin.parts import order_link
from orders.models import Mail, MailState

COLORS: dict[str, str] = {
    MailState.WAITING: "info",
    MailState.SENT: "success",
    MailState.OVERTAKEN: "warning",
    MailState.GIVEN_UP: "danger",
}


@admin.register(Mail)
class MailAdmin(ReadOnlyAdmin):
    ordering = ["-order_id", "id"]
    list_display = ["id", "of_order", "kind", "labelled_state", "attempts", "error", "made", "next_attempt", "sent"]
    list_filter = ["state"]
    search_fields = ["order_id__exact", "id__exact"]
    search_help_text = _("Order's number, or the row's id")
    fields = [
        "id",
        "of_order",
        "kind",
        "reference",
        "labelled_state",
        "attempts",
        "error",
        "made",
        "next_attempt",
        "sent",
    ]

    @display(description=_("order"))
    def of_order(self, mail: Mail) -> SafeString:
        return order_link(mail.order_id)

    @display(description=_("state"), label=COLORS)
    def labelled_state(self, mail: Mail) -> tuple[str, str]:
        return mail.state, mail.get_state_display()

    @display(description=_("made"))
    def made(self, mail: Mail) -> SafeString | str:
        return local_time(mail.made_at)

    @display(description=_("next attempt"))
    def next_attempt(self, mail: Mail) -> SafeString | str:
        return local_time(mail.try_at)

    @display(description=_("sent"))
    def sent(self, mail: Mail) -> SafeString | str:
        return local_time(mail.sent_at)
