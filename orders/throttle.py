"""Limits: for visitors without a cookie, each of whose requests would otherwise make a new order; for shoppers, since
each change of a basket, and each look at a PaymentIntent, is kept in the log for good; and for opening checkouts, which
who tries stolen cards does by the thousand.

Each web process counts for itself, so the real limit is this one times the number of processes.
"""

import math
import time
from ipaddress import IPv6Address, IPv6Network, ip_address

from django.conf import settings
from django.utils.translation import gettext_noop as _
from limits import RateLimitItem, RateLimitItemPerMinute, parse
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from core.refusals import TooManyRequests

MINUTES = 10
# What one customer of an access provider has at least: RFC 6177. Each of its addresses is theirs to choose.
IPV6_PREFIX = 64

_storage = MemoryStorage()
_limiter = MovingWindowRateLimiter(_storage)
_purchases_without_cookie = parse("10 per minute")
_requests_of_a_shopper = parse("120 per minute")


class TooManyChanges(TooManyRequests):
    """A shopper asked for more than a person can."""

    message = _("You are faster than we can follow. Wait a minute and try again.")


class TooManyCheckouts(TooManyRequests):
    """A browser, or an address, opened more checkouts than people do."""

    message = _("Too many payments were begun from your browser or your network. Wait a few minutes and try again.")


def admit_stranger(address: str) -> None:
    """Count one purchase from an address; raises TooManyRequests over the limit."""
    count(_purchases_without_cookie, "buy", network_of(address), refusal=TooManyRequests)


def admit_shopper(shopper_id: str) -> None:
    """Count one request that is kept for good; raises TooManyChanges over the limit."""
    count(_requests_of_a_shopper, "shopper", shopper_id, refusal=TooManyChanges)


def admit_checkout(shopper_id: str, address: str) -> None:
    """Count one checkout that is opened, or found open; raises TooManyCheckouts over the limit of either.

    Whoever drops the cookie is another shopper from the same address.
    """
    by_browser = RateLimitItemPerMinute(settings.CHECKOUTS_PER_BROWSER, MINUTES)
    by_address = RateLimitItemPerMinute(settings.CHECKOUTS_PER_ADDRESS, MINUTES)
    count(by_browser, "checkout", shopper_id, refusal=TooManyCheckouts)
    count(by_address, "checkouts of an address", network_of(address), refusal=TooManyCheckouts)


def count(limit: RateLimitItem, what: str, whose: str, *, refusal: type[TooManyRequests]) -> None:
    """Raises the refusal over the limit, with the seconds until there is room again."""
    if not _limiter.hit(limit, what, whose):
        free_at = _limiter.get_window_stats(limit, what, whose).reset_time
        raise refusal(retry_after=max(1, math.ceil(free_at - time.time())))


def network_of(address: str) -> str:
    """An address as it is counted: an IPv6 one by its network, one that carries an IPv4 address by that."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address  # of a Unix socket there is none
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    return str(parsed.ipv4_mapped or IPv6Network((int(parsed), IPV6_PREFIX), strict=False))


def forget() -> None:
    """Start counting anew."""
    _storage.reset()
