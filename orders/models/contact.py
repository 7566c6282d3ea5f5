"""What we know of a person who ordered: beside the log, so that it can be forgotten."""

from django.db import models
from django.db.models.functions import Lower

FORGOTTEN = ""


class Contact(models.Model):
    """The e-mail address that Stripe gave for an order; no event holds it, and no row of an order points here.

    It is gone for good when it is forgotten (`manage.py forget`): replay and rebuild know nothing of it. FORGOTTEN then
    stands in its place, so that a delivery that comes later does not bring it back.
    """

    order_id = models.BigIntegerField(primary_key=True)
    email = models.EmailField(max_length=254)
    heard_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(Lower("email"), name="orders_contact_email")]

    def __str__(self) -> str:
        return f"contact of order {self.order_id}"
