"""The pages of signing in: password, code, the device that makes codes, and what is said after too many failures."""

from http import HTTPStatus
from math import ceil
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.models import User
from django.contrib.auth.views import LoginView
from django.core.exceptions import NON_FIELD_ERRORS
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from unfold.widgets import UnfoldAdminTextInputWidget

from core.staff import lockout, second_factor, signing_in

NEW_KEY = "new_key"
CODE_LENGTH = 20  # a recovery code has 8 characters, and people type spaces


class CodeForm(forms.Form):
    """A code as people type it; `code` is cleaned of spaces and capitals."""

    code = forms.CharField(
        label=gettext_lazy("Code"),
        max_length=CODE_LENGTH,
        widget=UnfoldAdminTextInputWidget(
            {"autocomplete": "one-time-code", "autocapitalize": "none", "spellcheck": "false", "autofocus": ""}
        ),
    )

    def clean_code(self) -> str:
        return "".join(self.cleaned_data["code"].split()).lower()


class PasswordView(LoginView):
    """The first step. It ends here where no second factor is needed, which only the demo knows."""

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        username = signing_in.normalized(request.POST.get("username", ""))
        if username and lockout.is_locked(request, username):
            signing_in.record_refusal(username)
            return answer_locked(request, username)
        return super().post(request, *args, **kwargs)

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        user = form.get_user()
        next_page = self.get_success_url()
        if second_factor.has_device(user):
            signing_in.remember_knock(self.request, user, next_page)
            return redirect("admin:sign_in_code")
        if second_factor.is_required():
            signing_in.remember_knock(self.request, user, next_page)
            return redirect("admin:second_factor")
        signing_in.sign_in(self.request, user, used="not_needed")
        return HttpResponseRedirect(next_page)

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        if form.has_error(NON_FIELD_ERRORS, "invalid_login"):
            username = form.cleaned_data["username"]
            signing_in.record_failure(self.request, username, "not_staff" if form.get_user() else "password")
        return super().form_invalid(form)


@never_cache
@sensitive_post_parameters("code")
def code_view(request: HttpRequest) -> HttpResponse:
    """The second step, for somebody whose password was right."""
    knocked = signing_in.who_knocked(request)
    if knocked is None:
        return redirect("admin:login")
    user, next_page = knocked
    username = user.get_username()
    if lockout.is_locked(request, username):
        signing_in.record_refusal(username)
        return answer_locked(request, username)
    form = CodeForm(request.POST or None)
    if form.is_valid():
        verified = second_factor.verify_code(user, form.cleaned_data["code"])
        if verified:
            used, device = verified
            signing_in.sign_in(request, user, used=used, device=device)
            return HttpResponseRedirect(next_page)
        lockout.count_failure(request, username)
        signing_in.record_failure(request, username, "code")
        form.add_error("code", _("This code is wrong or was used already. Wait for the next one."))
    return page(request, "code", _("One more step"), form=form)


@never_cache
@sensitive_post_parameters("code")
def second_factor_view(request: HttpRequest) -> HttpResponse:
    """Sets a device up: for who is signed in, and for who may not be before they have one."""
    signed_in = admin.site.has_permission(request)
    knocked = None if signed_in else signing_in.who_knocked(request)
    if not signed_in and knocked is None:
        return redirect("admin:login")
    user, next_page = knocked or (User.objects.get(username=request.user.get_username()), reverse("admin:index"))
    if second_factor.has_device(user):
        return page(request, "set_already", _("Two-factor sign-in"), signed_in=signed_in)
    key: str = request.session.setdefault(NEW_KEY, second_factor.new_key())
    form = CodeForm(request.POST or None)
    if form.is_valid():
        made = second_factor.set_device(user, key, form.cleaned_data["code"])
        if made:
            device, codes = made
            signing_in.sign_in(request, user, used="set_up", device=device)
            return page(request, "recovery_codes", _("Recovery codes"), codes=codes, next_page=next_page)
        form.add_error("code", _("This code is wrong. Is the clock of your phone right?"))
    return page(
        request,
        "set_up",
        _("Two-factor sign-in"),
        form=form,
        picture=second_factor.key_as_picture(key, user.get_username()),
        text=second_factor.key_as_text(key),
        signed_in=signed_in,
    )


def page(request: HttpRequest, name: str, title: str, **context: Any) -> HttpResponse:
    request.current_app = admin.site.name  # as Django's own admin views do
    shared = admin.site.each_context(request) | {"title": title}
    return TemplateResponse(request, f"staff/{name}.html", shared | context)


def answer_locked(request: HttpRequest, username: str) -> HttpResponse:
    """429, the same for a name that somebody has and one that nobody has."""
    until = lockout.locked_until(request, username)
    left = max(0, ceil((until - timezone.now()).total_seconds()))
    response = page(request, "locked", _("Too many failed sign-ins"), until=until, minutes=ceil(left / 60))
    response.status_code = HTTPStatus.TOO_MANY_REQUESTS
    response["Retry-After"] = str(left)
    return response


def locked_out(request: HttpRequest, _response: HttpResponse, credentials: dict[str, Any]) -> HttpResponse:
    """What django-axes answers with when a failure was the one too many (AXES_LOCKOUT_CALLABLE)."""
    # Its middleware stands outside of those that render templates.
    answer = answer_locked(request, credentials["username"])
    return answer.render() if isinstance(answer, TemplateResponse) else answer
