"""What Stripe has of a discount or a tax, on every page about it, with a button that asks for it again."""

from typing import Any

from django.contrib import messages
from django.contrib.admin.utils import quote
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from unfold.admin import ModelAdmin

from billing.drift import sync_again
from billing.mirroring import KINDS, open_writes
from billing.models import Counterpart, CounterpartState, Mirror
from core.admin import stream_link
from core.staff.roles import ACT_ON_ORDER
from core.times import local_time

STATE_COLORS: dict[str, str] = {
    CounterpartState.PENDING: "info",
    CounterpartState.SYNCED: "success",
    CounterpartState.FAILED: "danger",
    CounterpartState.RETIRED: "",
}


class AtStripeAdmin(ModelAdmin):
    """Base of the pages of `kind`, whose rows have the key of their mirror; `shows_past` shows what is retired too."""

    kind: str
    shows_past = False
    change_form_outer_after_template: Any = "admin/billing/at_stripe.html"

    def get_urls(self) -> list[URLPattern]:
        sync = path(
            "<int:key>/sync/", self.admin_site.admin_view(self.sync_view), name=f"billing_{self.opts.model_name}_sync"
        )
        return [sync, *super().get_urls()]

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        row = context.get("original")
        mirror = KINDS[self.kind].mirrors.filter(pk=row.pk).first() if row else None
        if mirror is not None:
            context |= {
                "mirror": mirror,
                "events": stream_link(mirror.stream),
                "counterparts": [described(mirror, one) for one in self.shown(mirror)],
                "sync_url": reverse(f"admin:billing_{self.opts.model_name}_sync", args=[mirror.pk]),
                "can_sync": self.may_sync(request),
            }
        return super().render_change_form(request, context, *args, **kwargs)

    def sync_view(self, request: HttpRequest, key: int) -> HttpResponse:
        """Asks first; then asks Stripe again, on record as done by this person."""
        if not self.may_sync(request):
            raise PermissionDenied
        mirror: Mirror | None = KINDS[self.kind].mirrors.filter(pk=key).first()
        if mirror is None:
            raise Http404
        if request.method != "POST":
            context = self.admin_site.each_context(request) | {
                "title": _("Sync %(name)s again") % {"name": mirror},
                "opts": self.opts,
                "mirror": mirror,
                "back": reverse(f"admin:billing_{self.opts.model_name}_change", args=[key]),
            }
            return TemplateResponse(request, "admin/billing/sync.html", context)
        version = request.POST.get("version", "")
        if version.isdecimal() and sync_again(mirror, version=int(version)):
            messages.success(request, _("Stripe is being asked again: reload this page in a moment."))
        else:
            messages.info(request, _("Something has happened to it since: nothing was asked for this time."))
        return redirect(f"admin:billing_{self.opts.model_name}_change", key)

    def may_sync(self, request: HttpRequest) -> bool:
        return request.user.has_perm(ACT_ON_ORDER)

    def shown(self, mirror: Any) -> list[Counterpart]:
        counterparts = mirror.counterparts.order_by("-version", "account")
        return list(counterparts if self.shows_past else counterparts.exclude(state=CounterpartState.RETIRED))


def described(mirror: Mirror, counterpart: Counterpart) -> dict[str, Any]:
    return {
        "row": counterpart,
        "url": reverse(f"admin:billing_{counterpart._meta.model_name}_change", args=[quote(counterpart.pk)]),
        "color": STATE_COLORS[counterpart.state],
        "reason": counterpart.reason or what_it_waits_for(mirror, counterpart),
        "settled": local_time(counterpart.settled_at),
    }


def what_it_waits_for(mirror: Mirror, counterpart: Counterpart) -> str:
    """Why the call that is under way has not succeeded yet, in Stripe's code; '' when nothing went wrong."""
    if counterpart.state != CounterpartState.PENDING:
        return ""
    call = open_writes(mirror.stream).filter(account=counterpart.account).first()
    return call.reason if call else ""
