"""Health and metrics for operators, and the error pages."""

from http import HTTPStatus

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.middleware.csrf import REASON_NO_CSRF_COOKIE
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from core.answers import answer_error
from core.exposition import CONTENT_TYPE, may_read, of_database, of_processes
from core.refusals import NotFound


@require_safe
def healthz(_request: HttpRequest) -> JsonResponse:
    """Liveness: the process answers. It says nothing about what it depends on."""
    return JsonResponse({"status": "ok"})


@require_safe
def readyz(_request: HttpRequest) -> JsonResponse:
    """Readiness: the database answers, every migration is applied and the job queue's tables are there."""
    try:
        executor = MigrationExecutor(connection)
        pending = executor.migration_plan(executor.loader.graph.leaf_nodes())
        checks = {"database": "ok", "migrations": f"{len(pending)} to apply" if pending else "ok"}
        with connection.cursor() as cursor:
            cursor.execute("SELECT to_regclass('procrastinate_jobs') IS NOT NULL")
            checks["queue"] = "ok" if cursor.fetchone() == (True,) else "its tables are missing"
    except DatabaseError:
        checks = {"database": "unreachable"}
    ready = set(checks.values()) == {"ok"}
    status = HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE
    return JsonResponse({"status": "ok" if ready else "unavailable", **checks}, status=status)


@require_safe
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """For Prometheus, which brings METRICS_TOKEN; without that setting there is nothing here. Database or not."""
    if not settings.METRICS_TOKEN:
        raise NotFound
    if not may_read(request.headers.get("Authorization", "")):
        raise PermissionDenied
    return HttpResponse(of_processes() + of_database(), content_type=CONTENT_TYPE)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 Django passes it by position
    return answer_error(
        request,
        status=HTTPStatus.BAD_REQUEST,
        code="bad_request",
        message=gettext("The request could not be understood."),
    )


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 as above
    return answer_error(
        request, status=HTTPStatus.FORBIDDEN, code="forbidden", message=gettext("You are not allowed to do this.")
    )


def csrf_refused(request: HttpRequest, reason: str = "") -> HttpResponse:
    """`reason` is one of django.middleware.csrf's: no cookie came, the form's token is not its, or where the form stood
    is not told or not ours.
    """
    if reason == REASON_NO_CSRF_COOKIE:
        title = gettext("We need a cookie for this")
        message = gettext(
            "Your browser sent none, and without it we can't know that the basket and the order are yours. "
            "Allow cookies for this site, then try again."
        )
    elif reason.startswith(("Origin", "Referer")):
        title = gettext("This form came from elsewhere")
        message = gettext("We only take what was sent from our own pages. Open the page here, then try again.")
    else:
        title = gettext("This page was open for too long")
        message = gettext("Nothing was ordered or charged. Load it again, then try again.")
    return answer_error(
        request, status=HTTPStatus.FORBIDDEN, code="csrf_failed", message=message, title=title, passing=True
    )


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 as above
    return answer_error(
        request,
        status=HTTPStatus.NOT_FOUND,
        code="not_found",
        message=gettext("There is nothing here that you can see."),
    )


def server_error(request: HttpRequest) -> HttpResponse:
    return answer_error(
        request,
        status=HTTPStatus.INTERNAL_SERVER_ERROR,
        code="internal_error",
        message=gettext("Something broke on our side, and we have a record of it. Your order is as it was; try again."),
    )
