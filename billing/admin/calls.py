"""Stripe calls in the admin: the journal of what was asked of Stripe, and what came of it."""

from typing import Any

from django.contrib import admin
from django.contrib.admin import SimpleListFilter
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from billing.accounts import configured_accounts
from billing.models import CallState, StripeCall, StripeIdentity
from core.admin import ReadOnlyAdmin, indented_json, stream_link, text_link
from core.models import Event
from core.times import local_time

STATE_COLORS: dict[str, str] = {
    CallState.REQUESTED: "info",
    CallState.SUCCEEDED: "success",
    CallState.FAILED: "danger",
    CallState.UNKNOWN: "warning",
}


class AccountFilter(SimpleListFilter):
    """By Stripe account. The choices are the configured accounts: finding those in a long table reads all of it."""

    title = _("account")
    parameter_name = "account"

    def lookups(self, request: HttpRequest, model_admin: "admin.ModelAdmin[Any]") -> list[tuple[str, str]]:
        return [(name, name) for name in configured_accounts()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Model]) -> QuerySet[Model]:
        return queryset.filter(account=self.value()) if self.value() else queryset


@admin.register(StripeCall)
class StripeCallAdmin(ReadOnlyAdmin):
    """Every call by its intent, newest first."""

    list_display = ["requested", "operation", "labelled_state", "subject", "account", "attempts", "object_id"]
    list_display_links = ["requested", "operation"]
    list_filter = ["state", AccountFilter]
    ordering = ["-requested_at"]
    search_fields = ["id__exact", "subject__exact"]
    search_help_text = _("Idempotency key, or stream: order-42")
    fields = [
        "id",
        "operation",
        "labelled_state",
        "reason",
        "target",
        "object_id",
        "account",
        "made_for",
        "attempts",
        "requested",
        "attempted",
        "settled",
        "request_body",
        "events",
    ]

    @display(description=_("requested"))
    def requested(self, call: StripeCall) -> SafeString | str:
        return local_time(call.requested_at)

    @display(description=_("last attempted"))
    def attempted(self, call: StripeCall) -> SafeString | str:
        return local_time(call.tried_at)

    @display(description=_("settled"))
    def settled(self, call: StripeCall) -> SafeString | str:
        return local_time(call.settled_at)

    @display(description=_("state"), label=STATE_COLORS)
    def labelled_state(self, call: StripeCall) -> str:
        return call.state

    def made_for(self, call: StripeCall) -> SafeString | str:
        return stream_link(call.subject) if call.subject else "-"

    @display(description=_("body"))
    def request_body(self, call: StripeCall) -> SafeString:
        return indented_json(call.body)

    def events(self, call: StripeCall) -> SafeString:
        rows = (
            (text_link(reverse("admin:core_event_change", args=[event.pk]), event.kind), local_time(event.recorded_at))
            for event in Event.objects.filter(stream=call.stream).order_by("version")
        )
        return format_html_join("", "<p>{} at {}</p>", rows)


@admin.register(StripeIdentity)
class StripeIdentityAdmin(ReadOnlyAdmin):
    """Whose keys the settings hold, for links into Stripe's dashboard."""

    list_display = ["account", "stripe_id", "read"]
    fields = ["account", "stripe_id", "read"]
    ordering = ["account"]

    @display(description=_("told by Stripe"))
    def read(self, identity: StripeIdentity) -> SafeString | str:
        return local_time(identity.read_at)
