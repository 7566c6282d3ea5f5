"""People of the finance desk, each in a browser of their own."""

from django.contrib.auth.models import Permission, User
from django.test import Client

VIEW = ("view_order", "view_refundapproval")
OPERATE = (*VIEW, "act_on_order")
LEAD = (*OPERATE, "refund_above_limit")


def person(name: str, *permissions: str) -> Client:
    """Staff with these permissions, logged in."""
    user = User.objects.create_user(name, first_name=name.capitalize(), is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    browser = Client()
    browser.force_login(user)
    return browser


def actor(name: str) -> str:
    return f"staff:{User.objects.get(username=name).pk}"
