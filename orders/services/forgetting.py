"""Forgetting who ordered: what is beside the log goes, and the log says that it went."""

from collections.abc import Iterator

from django.db.models import Value
from django.db.models.functions import Lower
from django.utils import timezone

from orders.events import OrderContactForgotten
from orders.models import FORGOTTEN, Contact
from orders.projections import OrderAggregate
from orders.services.links import revoke


def orders_of_contact(email: str) -> Iterator[int]:
    """The orders of this address, however its letters are cased."""
    contacts = Contact.objects.annotate(lowered=Lower("email")).filter(lowered=Lower(Value(email)))
    yield from contacts.values_list("order_id", flat=True)


def is_forgotten(order_id: int) -> bool:
    """Whether nothing of who ordered may be kept, of what comes in from now on either."""
    return Contact.objects.filter(pk=order_id, email=FORGOTTEN).exists()


def forget_contact(*, order_id: int) -> bool:
    """Forget the order's contact, also one that comes later, and revoke its links, in the caller's transaction.

    False where it was forgotten before. Raises Order.DoesNotExist.
    """
    order = OrderAggregate.load_locked(order_id)
    if is_forgotten(order_id):
        return False
    Contact.objects.update_or_create(order_id=order_id, defaults={"email": FORGOTTEN, "heard_at": timezone.now()})
    order.record(OrderContactForgotten())
    revoke(order)
    order.save()
    return True
