"""A limit for visitors without a cookie, each of whose requests would otherwise make a new order.

Each web process counts for itself, so the real limit is this one times the number of processes.
"""

from limits import parse
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from core.refusals import TooManyRequests

_storage = MemoryStorage()
_limiter = MovingWindowRateLimiter(_storage)
_purchases_without_cookie = parse("10 per minute")


def admit_stranger(address: str) -> None:
    """Count one purchase from an address; raises TooManyRequests over the limit."""
    if not _limiter.hit(_purchases_without_cookie, "buy", address):
        raise TooManyRequests


def forget() -> None:
    """Start counting anew."""
    _storage.reset()
