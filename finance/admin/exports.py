"""Who took what out of the admin."""

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from core.admin import ReadOnlyAdmin, indented_json, stream_link
from core.times import local_time
from finance.models import ExportRecord, ExportState

STATE_COLORS: dict[str, str] = {
    ExportState.BEGUN: "info",
    ExportState.MADE: "success",
    ExportState.BROKEN_OFF: "warning",
}


@admin.register(ExportRecord)
class ExportRecordAdmin(ReadOnlyAdmin):
    """Newest first."""

    list_display = ["begun", "by", "file", "labelled_state", "rows", "filters_in_words"]
    ordering = ["-begun_at"]
    fields = ["file", "by", "labelled_state", "rows", "begun", "ended", "content", "events"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[ExportRecord]:
        people = get_user_model().objects.filter(pk=OuterRef("person"))
        exports: QuerySet[ExportRecord] = super().get_queryset(request)
        return exports.annotate(name=Subquery(people.values(get_user_model().USERNAME_FIELD)[:1]))

    @display(description=_("begun"))
    def begun(self, export: ExportRecord) -> SafeString | str:
        return local_time(export.begun_at)

    @display(description=_("ended"))
    def ended(self, export: ExportRecord) -> SafeString | str:
        return local_time(export.ended_at)

    @display(description=_("by"))
    def by(self, export: ExportRecord) -> str:
        name: str | None = getattr(export, "name", None)
        return name or f"staff {export.person}"

    @display(description=_("file"))
    def file(self, export: ExportRecord) -> str:
        return str(export)

    @display(description=_("state"), label=STATE_COLORS)
    def labelled_state(self, export: ExportRecord) -> tuple[str, str]:
        return export.state, export.get_state_display()

    @display(description=_("filters"))
    def filters_in_words(self, export: ExportRecord) -> str:
        return ", ".join(f"{name} {value}" for name, value in export.filters.items()) or "-"

    @display(description=_("filters"))
    def content(self, export: ExportRecord) -> SafeString:
        return indented_json(export.filters)

    def events(self, export: ExportRecord) -> SafeString:
        return stream_link(export.stream)
