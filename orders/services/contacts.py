"""The e-mail address of an order, which Stripe gives: kept apart from the log, which can't forget."""

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils import timezone

from orders.models import Contact

MAX_LENGTH = 254  # RFC 5321, 4.5.3.1.3: a path of 256 octets with its brackets


def hear_contact(*, order_id: int, email: str) -> None:
    """Keep the address that Stripe gave for an order, in the caller's transaction; the last one that was heard counts.

    What is no address is passed over: it may not fail the delivery that carries it, and nobody could be written to.
    """
    email = email.strip()
    if not is_address(email):
        return
    heard = Contact(order_id=order_id, email=email, heard_at=timezone.now())
    Contact.objects.bulk_create(
        [heard], update_conflicts=True, unique_fields=["order_id"], update_fields=["email", "heard_at"]
    )


def is_address(email: str) -> bool:
    """Whether a header can hold it: a quoted local part may have control characters in it, by Django's validator."""
    try:
        validate_email(email)
    except ValidationError:
        return False
    return len(email) <= MAX_LENGTH and email.isprintable()
