"""Actions on many rows in the admin: a page that asks first, then one that shows how far it is."""

from typing import Any
from uuid import uuid4

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.options import Action, ActionLocation
from django.contrib.postgres.forms import SimpleArrayField
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from core import bulk
from core.admin import LocatedActions, ReadOnlyAdmin
from core.models import BulkItem, BulkItemState, BulkRun
from core.times import local_time

# Of those that were refused, how many are shown with their reasons.
SHOWN = 200


class BulkForm(forms.Form):
    """What the page that asks sends back: `keys`, apart by commas, and the `run` that they are ordered by."""

    keys = SimpleArrayField(
        forms.CharField(max_length=BulkItem._meta.get_field("key").max_length), max_length=bulk.MOST
    )
    run = forms.UUIDField()


class BulkActionsAdmin(LocatedActions, ReadOnlyAdmin):
    """Base of a list with `bulk_actions`, which name actions of core.bulk."""

    bulk_actions: tuple[str, ...] = ()

    def get_urls(self) -> list[URLPattern]:
        name = f"{self.opts.app_label}_{self.opts.model_name}_bulk"
        return [path("bulk/", self.admin_site.admin_view(self.bulk_view), name=name), *super().get_urls()]

    def get_actions(
        self, request: HttpRequest, action_location: ActionLocation = ActionLocation.CHANGE_LIST
    ) -> dict[str, Action | None]:
        """In place of Django's own, which need rows that can be changed."""
        if action_location != ActionLocation.CHANGE_LIST:
            return {}
        allowed = [action for name in self.bulk_actions if may_order(request, action := bulk.actions[name])]
        return {
            action.name: Action(ask_about(action), action.name, action.title, action.title, [action_location])
            for action in allowed
        }

    def bulk_view(self, request: HttpRequest) -> HttpResponse:
        """What was asked about is ordered; sent twice it is ordered once."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        name = request.POST.get("action", "")
        if name not in self.bulk_actions or not may_order(request, bulk.actions[name]):
            raise PermissionDenied
        form = BulkForm(request.POST)
        if not form.is_valid():
            messages.error(request, _("The form was broken: nothing was done."))
            return redirect(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist")
        run_id = form.cleaned_data["run"]
        bulk.start_run(run_id=run_id, action=name, keys=form.cleaned_data["keys"])
        return redirect("admin:core_bulkrun_change", run_id)


def may_order(request: HttpRequest, action: bulk.BulkAction) -> bool:
    return request.user.has_perm(action.permission)


def ask_about(action: bulk.BulkAction) -> Any:
    """The function that Django's changelist calls with what was chosen."""

    def ask(model_admin: Any, request: HttpRequest, chosen: QuerySet[Any]) -> HttpResponse | None:
        keys = [str(key) for key in chosen.order_by("pk").values_list("pk", flat=True)[: bulk.MOST + 1]]
        if len(keys) > bulk.MOST:
            messages.error(request, _("Choose at most %(most)d at once.") % {"most": bulk.MOST})
            return None
        context = model_admin.admin_site.each_context(request) | {
            "title": action.title,
            "opts": model_admin.opts,
            "action": action,
            "sentence": action.sentence % {"count": len(keys)},
            "keys": ",".join(keys),
            "run": uuid4(),
            "list_url": f"admin:{model_admin.opts.app_label}_{model_admin.opts.model_name}_changelist",
            "bulk_url": f"admin:{model_admin.opts.app_label}_{model_admin.opts.model_name}_bulk",
        }
        return TemplateResponse(request, "admin/core/bulkrun/ask.html", context)

    return ask


@admin.register(BulkRun)
class BulkRunAdmin(ReadOnlyAdmin):
    """Runs, newest first, for whoever may order one."""

    list_display = ["started", "title", "finished"]
    ordering = ["-started_at"]
    fields = ["title", "started", "finished"]
    change_form_template = "admin/core/bulkrun/progress.html"

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002 Django's signature
        return any(may_order(request, action) for action in bulk.actions.values())

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    @display(description=gettext_lazy("action"))
    def title(self, run: BulkRun) -> str:
        return str(bulk.actions[run.action].title)

    @display(description=gettext_lazy("started"))
    def started(self, run: BulkRun) -> str:
        return local_time(run.started_at)

    @display(description=gettext_lazy("finished"))
    def finished(self, run: BulkRun) -> str:
        return local_time(run.finished_at)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        run: BulkRun = context["original"]
        counts = run.items.aggregate(
            total=Count("pk"), **{state: Count("pk", filter=Q(state=state)) for state in BulkItemState.values}
        )
        tried = counts["total"] - counts["left"]
        context |= {
            "run": run,
            "action": bulk.actions[run.action],
            "counts": counts,
            "percent": 100 * tried // counts["total"] if counts["total"] else 100,
            "refused": run.items.filter(state=BulkItemState.REFUSED).order_by("pk")[:SHOWN],
        }
        return super().render_change_form(request, context, *args, **kwargs)
