"""The start page of the admin, and files with the rows of its lists."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, cast

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters, ModelAdmin
from django.core.exceptions import BadRequest, PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.views.decorators.http import require_GET

from finance.exports.cells import Row
from finance.exports.csv_file import as_csv
from finance.exports.record import RecordedParts, begin_export
from finance.exports.resources import exports
from finance.exports.xlsx import as_xlsx
from finance.home.page import home_of

FORMATS: dict[str, tuple[Callable[[str, Sequence[str], Iterable[Row]], Iterator[bytes]], str]] = {
    "csv": (lambda _title, heads, rows: as_csv(heads, rows), "text/csv; charset=utf-8"),
    "xlsx": (as_xlsx, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
}


def home(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """django-unfold's callback for the context of the start page (settings.UNFOLD)."""
    return context | {"home": home_of(request.user, request.GET)}


@require_GET
def export(request: HttpRequest, of: str, file_format: str) -> HttpResponseBase:
    """The rows that the list of the same query string shows, all pages of it; whoever may look may take them out."""
    exported = exports.get(of)
    if exported is None:
        raise Http404
    model_admin = admin.site.get_model_admin(exported.model)
    if not model_admin.has_view_permission(request):
        raise PermissionDenied
    rows = exported.rows(chosen_rows(model_admin, request))
    recording = begin_export(
        of=of, file_format=file_format, person=cast("int", request.user.pk), asked=request.GET.dict()
    )
    name = f"{of}-{timezone.now():%Y-%m-%d-%H%M%S}.{file_format}"
    write, content_type = FORMATS[file_format]
    return StreamingHttpResponse(
        RecordedParts(recording, rows, lambda counted: write(of, exported.heads, counted)),
        content_type=content_type,
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def chosen_rows(model_admin: "ModelAdmin[Any]", request: HttpRequest) -> QuerySet[Any]:
    """What the list would show; raises BadRequest where that would start again without filters."""
    try:
        return model_admin.get_changelist_instance(request).get_queryset(request)
    except IncorrectLookupParameters as error:
        raise BadRequest from error
