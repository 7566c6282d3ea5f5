"""Signed links: whoever holds one sees its order for a while, in whatever browser."""

from datetime import timedelta
from urllib.parse import urlencode

from django.conf import settings
from django.core import signing
from django.urls import reverse

LIFETIME = timedelta(days=7)
_signer = signing.TimestampSigner(salt="orders.links")


def order_url(order_id: int, **query: str) -> str:
    """The absolute address of an order's page, with a token that expires after `LIFETIME`."""
    token = _signer.sign(str(order_id))
    return f"{settings.PUBLIC_URL}{reverse('order', args=[order_id])}?{urlencode({'token': token, **query})}"


def opens_order(token: str, order_id: int) -> bool:
    try:
        return _signer.unsign(token, max_age=LIFETIME) == str(order_id)
    except signing.BadSignature:
        return False
