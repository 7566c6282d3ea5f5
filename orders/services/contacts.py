"""The e-mail address of an order, which Stripe gives: kept apart from the log, which can't forget."""

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils import timezone

from core.pipeline import Statement
from core.trips import write
from orders.models import FORGOTTEN

# One statement, in which the ORM can't say when a row stays as it is.
KEEP = (
    "INSERT INTO orders_contact (order_id, email, heard_at) VALUES (%s, %s, %s) ON CONFLICT (order_id)"
    " DO UPDATE SET email = EXCLUDED.email, heard_at = EXCLUDED.heard_at WHERE orders_contact.email <> %s"
)
MAX_LENGTH = 254  # RFC 5321, 4.5.3.1.3: a path of 256 octets with its brackets


def hear_contact(*, order_id: int, email: str) -> None:
    """Keep the address that Stripe gave for an order, in the caller's transaction, which holds the order's lock; the
    last one that was heard counts, and who was forgotten stays so.

    What is no address is passed over: it may not fail the delivery that carries it, and nobody could be written to.
    """
    email = email.strip()
    if not is_address(email):
        return
    write(Statement(KEEP, (order_id, email, timezone.now(), FORGOTTEN)))


def is_address(email: str) -> bool:
    """Whether a header can hold it: a quoted local part may have control characters in it, by Django's validator."""
    try:
        validate_email(email)
    except ValidationError:
        return False
    return len(email) <= MAX_LENGTH and email.isprintable()
