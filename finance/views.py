"""The start page of the admin."""

from typing import Any

from django.http import HttpRequest

from finance.home.page import home_of


def home(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """django-unfold's callback for the context of the start page (settings.UNFOLD)."""
    return context | {"home": home_of(request.user, request.GET)}
