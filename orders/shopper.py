"""Who a shopper is: a random id in a signed cookie. It names nobody, and knowing it from the log opens nothing."""

from datetime import timedelta
from uuid import uuid4

from django.conf import settings
from django.http import HttpRequest, HttpResponse

COOKIE = "shopper_id"
LIFETIME = timedelta(days=365)
_SALT = "orders.shopper"


def shopper_of(request: HttpRequest) -> str | None:
    """The shopper's id, None without a cookie that we signed."""
    value: str | None = request.get_signed_cookie(COOKIE, default=None, salt=_SALT)
    return value


def new_shopper() -> str:
    return uuid4().hex


def remember_shopper(response: HttpResponse, shopper_id: str) -> None:
    """Lax: the cookie comes along when Stripe sends the shopper back, not with another site's forms or pictures."""
    response.set_signed_cookie(
        COOKIE,
        shopper_id,
        salt=_SALT,
        max_age=LIFETIME,
        httponly=True,
        samesite="Lax",
        secure=settings.SESSION_COOKIE_SECURE,
    )
