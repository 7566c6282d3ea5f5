"""Lockout after failures, which django-axes counts by user name and address, in its own table.

Behind a proxy every address is the proxy's until the product knows which proxies to trust: the count is by name alone
then.
"""

from datetime import datetime, timedelta

from axes.handlers.proxy import AxesProxyHandler
from axes.models import AccessAttempt
from django.conf import settings
from django.contrib.auth.signals import user_login_failed
from django.db.models import Max
from django.http import HttpRequest
from django.utils import timezone


def is_locked(request: HttpRequest, username: str) -> bool:
    return not AxesProxyHandler.is_allowed(request, {"username": username})


def count_failure(request: HttpRequest, username: str) -> None:
    """A wrong code counts as a wrong password does, which Django itself announces."""
    user_login_failed.send(__name__, credentials={"username": username}, request=request)


def locked_until(request: HttpRequest, username: str) -> datetime:
    attempts = AccessAttempt.objects.filter(username=username, ip_address=vars(request).get("axes_ip_address"))
    last: datetime | None = attempts.aggregate(last=Max("attempt_time"))["last"]
    return (last or timezone.now()) + cool_off()


def cool_off() -> timedelta:
    duration: timedelta = settings.AXES_COOLOFF_TIME
    return duration


def forget_attempts() -> int:
    """Deletes what no lockout needs any more; how many rows those were."""
    deleted: int = AccessAttempt.objects.filter(attempt_time__lt=timezone.now() - cool_off()).delete()[0]
    return deleted
