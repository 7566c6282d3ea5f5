"""People of staff and what they do at the sign-in, in one line each."""

import re
from typing import Any

from django.contrib.auth.models import Group, User
from django.test import Client
from django_otp.oath import TOTP
from django_otp.plugins.otp_totp.models import TOTPDevice

from core.models import Event, StaffRecord

PASSWORD = "a long one"
LOGIN, CODE, SET_UP = "/admin/login/", "/admin/login/code/", "/admin/second-factor/"


def person(name: str = "finance", *, role: str = "", is_staff: bool = True) -> User:
    user = User.objects.create_user(name, password=PASSWORD, is_staff=is_staff)
    if role:
        user.groups.add(Group.objects.get(name=role))
    return user


def give_password(browser: Client, name: str = "finance", password: str = PASSWORD, **more: str) -> Any:
    return browser.post(LOGIN, {"username": name, "password": password, **more})


def give_code(browser: Client, code: str) -> Any:
    return browser.post(CODE, {"code": code})


def device_of(user: User, key: str = "31" * 20) -> TOTPDevice:
    return TOTPDevice.objects.create(user=user, key=key, name="")


def code_now(device: TOTPDevice) -> str:
    return f"{TOTP(device.bin_key).token():06}"


def is_in(browser: Client) -> bool:
    return browser.get("/admin/").status_code == 200


def told(user_id: int) -> list[tuple[str, dict[str, Any]]]:
    """What the log has of a person, roles left out."""
    events = Event.objects.filter(stream=StaffRecord.stream_of(user_id)).order_by("version")
    return [(event.kind, event.data) for event in events if event.kind != "staff.role_changed"]


def recovery_codes_on(page: Any) -> list[str]:
    return re.findall(r"data-recovery-code>(\w+)<", page.content.decode())
