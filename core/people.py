"""People in the admin: users, their roles, and the record of their sign-ins. All of it is for superusers."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, User
from django.core.exceptions import PermissionDenied
from django.db.models import Model, OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp.models import TOTPDevice
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from core.admin import ReadOnlyAdmin, stream_link, text_link
from core.models import Event, StaffRecord
from core.staff import second_factor
from core.staff.record import NOBODY
from core.staff.words import sentence_of
from core.times import local_time

SHOWN_EVENTS = 30

# Django's own, in other forms; and the devices, whose keys nobody may see.
admin.site.unregister([User, Group, TOTPDevice, StaticDevice])


class SuperusersAdmin(ModelAdmin):
    """Nobody else sees or touches these rows, whatever permissions they were given: who may give roles has them all.

    They are deleted one by one, on their pages.
    """

    actions = None

    def is_superuser(self, request: HttpRequest) -> bool:
        return request.user.is_active and request.user.is_superuser

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.is_superuser(request)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.is_superuser(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.is_superuser(request)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.is_superuser(request)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.is_superuser(request)


def events_of(user_id: int) -> dict[str, Any]:
    """The newest first, each with its sentence, its time and its page in the log."""
    stream = StaffRecord.stream_of(user_id)
    events = Event.objects.filter(stream=stream).order_by("-version")[:SHOWN_EVENTS]
    rows = [
        (
            local_time(event.recorded_at),
            text_link(reverse("admin:core_event_change", args=[event.pk]), sentence_of(event)),
            event,
        )
        for event in events
    ]
    return {"staff_events": rows, "staff_stream": stream_link(stream)}


@admin.register(User)
class UserAdmin(DjangoUserAdmin, SuperusersAdmin):  # type: ignore[type-arg] # generic in the stubs alone
    """Django's own, in the forms of this admin, with the record of the person and the reset of their second factor."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    change_form_outer_after_template: Any = "staff/on_record.html"
    list_display = ["username", "roles", "is_staff", "is_superuser", "second_factor", "signed_in"]
    list_filter = ["is_staff", "is_superuser", "is_active", "groups"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        users: QuerySet[User] = super().get_queryset(request)
        return users.prefetch_related("groups", "totpdevice_set")

    def get_urls(self) -> list[URLPattern]:
        reset = path(
            "<int:user_id>/reset-second-factor/",
            self.admin_site.admin_view(self.reset_view),
            name="auth_user_reset_second_factor",
        )
        return [reset, *super().get_urls()]

    @display(description=gettext_lazy("roles"))
    def roles(self, user: User) -> str:
        return ", ".join(sorted(group.name for group in user.groups.all())) or "-"

    @display(description=gettext_lazy("two-factor"), boolean=True)
    def second_factor(self, user: Any) -> bool:
        return any(device.confirmed for device in user.totpdevice_set.all())

    @display(description=gettext_lazy("last signed in"))
    def signed_in(self, user: User) -> SafeString | str:
        return local_time(user.last_login)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        user: User | None = context.get("original")
        if user is not None:
            context |= events_of(user.pk)
            if second_factor.has_device(user):
                context["reset_url"] = reverse("admin:auth_user_reset_second_factor", args=[user.pk])
        return super().render_change_form(request, context, *args, **kwargs)

    def reset_view(self, request: HttpRequest, user_id: int) -> HttpResponse:
        if not self.is_superuser(request):
            raise PermissionDenied
        user = get_object_or_404(User, pk=user_id)
        if request.method == "POST":
            second_factor.reset(user)
            messages.success(request, _("The second factor of %s is reset.") % user.get_username())
            return redirect("admin:auth_user_change", user_id)
        context = self.admin_site.each_context(request) | {
            "title": _("Reset the second factor of %s") % user.get_username(),
            "opts": self.opts,
            "original": user,
        }
        return TemplateResponse(request, "staff/reset.html", context)


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, SuperusersAdmin):
    """As above. The groups of finance's roles are as core.staff.roles has them again after the next `migrate`."""


@admin.register(StaffRecord)
class StaffRecordAdmin(ReadOnlyAdmin):
    """Sign-ins: one row for each person, also of who is deleted, and one for all names that nobody has."""

    list_display = ["person", "signed_in", "failed", "locked_out", "denied", "has_second_factor"]
    ordering = ["id"]
    fields = ["person", "signed_in", "signed_out", "failed", "refused", "locked_out", "denied", "has_second_factor"]
    change_form_outer_after_template: Any = "staff/on_record.html"

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.is_active and request.user.is_superuser

    def get_queryset(self, request: HttpRequest) -> QuerySet[StaffRecord]:
        records: QuerySet[StaffRecord] = super().get_queryset(request)
        named = User.objects.filter(pk=OuterRef("pk")).values("username")
        annotated: QuerySet[StaffRecord] = records.annotate(username=Subquery(named))
        return annotated

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        context |= events_of(context["original"].pk)
        return super().render_change_form(request, context, *args, **kwargs)

    @display(description=gettext_lazy("person"))
    def person(self, record: Any) -> str:
        if record.pk == NOBODY:
            return _("names that nobody has")
        return str(record.username or _("user %d, deleted since") % record.pk)

    @display(description=gettext_lazy("signed in"))
    def signed_in(self, record: StaffRecord) -> SafeString | str:
        return local_time(record.signed_in_at)

    @display(description=gettext_lazy("signed out"))
    def signed_out(self, record: StaffRecord) -> SafeString | str:
        return local_time(record.signed_out_at)

    @display(description=gettext_lazy("failed"))
    def failed(self, record: StaffRecord) -> SafeString | str:
        return local_time(record.failed_at)

    @display(description=gettext_lazy("refused while locked out"))
    def refused(self, record: StaffRecord) -> SafeString | str:
        return local_time(record.refused_at)

    @display(description=gettext_lazy("locked out"))
    def locked_out(self, record: StaffRecord) -> SafeString | str:
        return local_time(record.locked_out_at)

    @display(description=gettext_lazy("denied"))
    def denied(self, record: StaffRecord) -> SafeString | str:
        return local_time(record.denied_at)
