"""Limits: for visitors without a cookie, each of whose requests would otherwise make a new order; and for shoppers,
since each change of a basket, and each look at a PaymentIntent, is kept in the log for good.

Each web process counts for itself, so the real limit is this one times the number of processes.
"""

from django.utils.translation import gettext_noop as _
from limits import parse
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from core.refusals import TooManyRequests

_storage = MemoryStorage()
_limiter = MovingWindowRateLimiter(_storage)
_purchases_without_cookie = parse("10 per minute")
_requests_of_a_shopper = parse("120 per minute")


class TooManyChanges(TooManyRequests):
    """A shopper asked for more than a person can."""

    message = _("You are faster than we can follow. Wait a minute and try again.")


def admit_stranger(address: str) -> None:
    """Count one purchase from an address; raises TooManyRequests over the limit."""
    if not _limiter.hit(_purchases_without_cookie, "buy", address):
        raise TooManyRequests


def admit_shopper(shopper_id: str) -> None:
    """Count one request that is kept for good; raises TooManyChanges over the limit."""
    if not _limiter.hit(_requests_of_a_shopper, "shopper", shopper_id):
        raise TooManyChanges


def forget() -> None:
    """Start counting anew."""
    _storage.reset()
