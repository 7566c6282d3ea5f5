"""Signed links: whoever holds one sees its order for a while, in whatever browser, unless the links were revoked."""

from datetime import timedelta
from urllib.parse import urlencode

from django.conf import settings
from django.core import signing
from django.urls import reverse

from orders.models import Order

# A refund takes up to ten business days to arrive (docs.stripe.com/refunds), and whoever waits for it looks at its
# e-mail again until then.
LIFETIME = timedelta(days=30)
_signer = signing.TimestampSigner(salt="orders.links")


def order_url(order: Order | int, **query: str) -> str:
    """The absolute address of an order's page, with a token that expires after `LIFETIME`.

    Given the number alone, it reads the row. Raises Order.DoesNotExist.
    """
    if isinstance(order, int):
        order = Order.objects.only("link_generation").get(pk=order)
    token = _signer.sign(signed_part(order))
    return f"{settings.PUBLIC_URL}{reverse('order', args=[order.pk])}?{urlencode({'token': token, **query})}"


def opens_order(token: str, order: Order) -> bool:
    try:
        return _signer.unsign(token, max_age=LIFETIME) == signed_part(order)
    except signing.BadSignature:
        return False


def signed_part(order: Order) -> str:
    return f"{order.pk}:{order.link_generation}"
