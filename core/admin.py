"""The log in the admin, and what the read-only pages of all apps share."""

import json
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import ActionLocation
from django.contrib.admin.options import ModelAdmin as DjangoModelAdmin
from django.core.exceptions import ValidationError
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from procrastinate.contrib.django.admin import ProcrastinateJobAdmin
from procrastinate.contrib.django.models import ProcrastinateJob
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.views import ChangeList

from core.eventlog.checkpoints import checkpoint_hash
from core.models import Checkpoint, Event, Follower
from core.paging import KeysetChangeList
from core.times import local_time


class LocatedActions(ModelAdmin):
    """Actions as Django has them since 6.1, which unfold's own choices of them don't know of yet."""

    def get_action_choices(
        self,
        request: HttpRequest,
        default_choices: Any = None,
        action_location: ActionLocation = ActionLocation.CHANGE_LIST,
    ) -> list[tuple[str, str]]:
        choices = default_choices or [("", _("Select action"))]
        return DjangoModelAdmin.get_action_choices(self, request, choices, action_location)

    def response_action(
        self,
        request: HttpRequest,
        queryset: QuerySet[Any],
        action_location: ActionLocation = ActionLocation.CHANGE_LIST,
    ) -> HttpResponse | None:
        """Django's, for rows whose keys can be ones: it asks the database for whatever was sent."""
        try:
            for key in request.POST.getlist(ACTION_CHECKBOX_NAME):
                forms.CharField().clean(self.opts.pk.to_python(key))
        except ValidationError:
            messages.error(request, _("The form was broken: nothing was done."))
            return None
        answer: HttpResponse | None = super().response_action(request, queryset, action_location)
        return answer


class ReadOnlyAdmin(ModelAdmin):
    """Rows that change by events alone: whoever has the permission may look, nobody may touch.

    Nothing is sorted by a click on a column's head: these tables grow too long for that.
    """

    actions = None
    sortable_by = ()
    # To show a row takes longer than to find it.
    list_per_page = 50
    # Facets would count a long table, once for every choice.
    show_facets = admin.ShowFacets.NEVER

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return KeysetChangeList

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        # Django's history tells of edits in the admin; here it would be empty, and pass for the log.
        context = {"show_history": False} | (extra_context or {})
        return super().changeform_view(request, object_id, form_url, context)


def indented_json(value: object) -> SafeString:
    text = json.dumps(value, indent=2, ensure_ascii=False)
    markup = '<pre class="text-xs" style="white-space: pre-wrap; overflow-wrap: anywhere">{}</pre>'
    return format_html(markup, text)


def in_hex(value: bytes | memoryview) -> SafeString:
    return format_html('<span style="overflow-wrap: anywhere">{}</span>', bytes(value).hex())


def text_link(address: str, text: object) -> SafeString:
    return format_html('<a href="{}" class="text-primary-600 dark:text-primary-400">{}</a>', address, text)


def stream_link(stream: str) -> SafeString:
    """All events of one stream, in the log."""
    return text_link(f"{reverse('admin:core_event_changelist')}?{urlencode({'q': stream})}", stream)


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin):
    """The log, newest first. It is searched by what is indexed: a position, a stream, a cause."""

    list_display = ["position", "time", "stream", "version", "kind", "actor", "cause"]
    list_display_links = ["position", "kind"]
    ordering = ["-position"]
    search_fields = ["position__exact", "stream__exact", "cause__exact"]
    search_help_text = _("Position, stream, or cause: 7, order-42, evt_…")
    fields = [
        "position",
        "time",
        "in_stream",
        "version",
        "kind",
        "schema",
        "content",
        "actor",
        "cause",
        "correlation_id",
        "digest_in_hex",
        "cluster",
        "transaction_id",
    ]

    @display(description=_("recorded"))
    def time(self, event: Event) -> SafeString | str:
        return local_time(event.recorded_at)

    @display(description=_("stream"))
    def in_stream(self, event: Event) -> SafeString:
        return stream_link(event.stream)

    @display(description=_("data"))
    def content(self, event: Event) -> SafeString:
        return indented_json(event.data)

    @display(description=_("digest"))
    def digest_in_hex(self, event: Event) -> SafeString:
        return in_hex(event.digest)


@admin.register(Checkpoint)
class CheckpointAdmin(ReadOnlyAdmin):
    """What the log was signed for, newest first; the hash is the one in the log line of each."""

    list_display = ["number", "time", "count", "hash_in_hex"]
    ordering = ["-number"]
    fields = ["number", "time", "count", "after", "to", "previous_in_hex", "root_in_hex", "hash_in_hex", "key_in_hex"]

    @display(description=_("made"))
    def time(self, checkpoint: Checkpoint) -> SafeString | str:
        return local_time(checkpoint.made_at)

    @display(description=_("hash"))
    def hash_in_hex(self, checkpoint: Checkpoint) -> SafeString:
        return in_hex(checkpoint_hash(checkpoint))

    @display(description=_("previous"))
    def previous_in_hex(self, checkpoint: Checkpoint) -> SafeString:
        return in_hex(checkpoint.previous)

    @display(description=_("root"))
    def root_in_hex(self, checkpoint: Checkpoint) -> SafeString:
        return in_hex(checkpoint.root)

    @display(description=_("public key"))
    def key_in_hex(self, checkpoint: Checkpoint) -> SafeString:
        return in_hex(checkpoint.public_key)


# Importing Procrastinate's own class above has registered it.
admin.site.unregister(ProcrastinateJob)


@admin.register(ProcrastinateJob)
class JobAdmin(LocatedActions, ProcrastinateJobAdmin):
    """Procrastinate's own; its filters would read all jobs ever run to find their choices, and its list count them.

    Its actions ask for no permission: jobs are tried again, and ended, by the jobs that look after them.
    """

    actions = ()  # type: ignore[assignment] # the class above says that it must be a list
    ordering = ["-id"]
    list_filter = ["status"]
    search_fields = ["id__exact"]
    search_help_text = _("Job's number")
    show_facets = admin.ShowFacets.NEVER

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return KeysetChangeList


@admin.register(Follower)
class FollowerAdmin(ReadOnlyAdmin):
    """The projections, and how far each has followed the log."""

    list_display = ["name", "position"]
    fields = ["name", "position"]
    ordering = ["name"]

    @display(description=_("has read up to event"))
    def position(self, follower: Follower) -> str:
        return str(follower.cursor[-1]) if follower.cursor else "-"
