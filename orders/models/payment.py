"""What Stripe tells of an order's money: payments, refunds, disputes, reviews."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from orders.models.order import Order


class PaymentStatus(models.TextChoices):
    PROCESSING = "processing", _("processing")
    FAILED = "failed", _("failed")
    SUCCEEDED = "succeeded", _("succeeded")


class PaymentSource(models.TextChoices):
    """Whose word it is: what a Session asked for, a PaymentIntent received, a Charge took."""

    SESSION = "checkout.session", "Checkout Session"
    INTENT = "payment_intent", "PaymentIntent"
    CHARGE = "charge", _("Charge")


class Payment(models.Model):
    """What one object of Stripe says of a payment; its key is `<order>-<id of that object>`.

    Rows of one `payment_intent` speak of the same money. Each is changed by its own object's events alone, so it does
    not matter in which order the objects are heard of.
    """

    id = models.CharField(primary_key=True, max_length=300)
    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="payments")
    payment_intent = models.CharField(max_length=255, db_index=True)
    source = models.CharField(max_length=32, choices=PaymentSource)
    source_id = models.CharField(max_length=255)
    charge = models.CharField(max_length=255, blank=True)
    status = models.CharField(max_length=16, choices=PaymentStatus)
    amount = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    account = models.CharField(max_length=64)
    livemode = models.BooleanField()
    failure_code = models.CharField(max_length=100, blank=True)
    updated_at = models.DateTimeField()

    class Meta:
        indexes = [
            # Found by whole ids, in the search of orders.
            models.Index(fields=["source_id"], name="orders_payment_source"),
            models.Index(fields=["charge"], name="orders_payment_charge", condition=~Q(charge="")),
            # The list by status, of which most succeeded, and by account.
            models.Index(
                fields=["status", "-order", "id"],
                name="orders_payment_status",
                condition=~Q(status=PaymentStatus.SUCCEEDED),
            ),
            models.Index(fields=["account", "-order", "id"], name="orders_payment_account"),
        ]

    def __str__(self) -> str:
        return self.source_id


class Refund(models.Model):
    """One refund of Stripe's; its key is `<order>-<its id>`. `call_id` is that of the RefundRequest that made it, if we
    asked for it.
    """

    id = models.CharField(primary_key=True, max_length=300)
    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="refunds")
    refund_id = models.CharField(max_length=255)
    payment_intent = models.CharField(max_length=255)
    charge = models.CharField(max_length=255, blank=True)
    status = models.CharField(max_length=32)
    amount = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    failure_reason = models.CharField(max_length=100, blank=True)
    call_id = models.CharField(max_length=36, blank=True, default="", db_default="")  # as OrderLine.refunded
    updated_at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["refund_id"], name="orders_refund_id"),
            models.Index(fields=["payment_intent"], name="orders_refund_intent"),
            models.Index(fields=["charge"], name="orders_refund_charge", condition=~Q(charge="")),
        ]

    def __str__(self) -> str:
        return self.refund_id


# Statuses of a dispute in which the shopper's bank waits for us. Source: docs.stripe.com/api/disputes/object
AWAITING_EVIDENCE = ("needs_response", "warning_needs_response")


class Dispute(models.Model):
    """One dispute of Stripe's, of which a payment may have several; its key is `<order>-<its id>`."""

    id = models.CharField(primary_key=True, max_length=300)
    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="disputes")
    dispute_id = models.CharField(max_length=255)
    payment_intent = models.CharField(max_length=255)
    charge = models.CharField(max_length=255, blank=True)
    status = models.CharField(max_length=32)
    amount = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    reason = models.CharField(max_length=100, blank=True)
    due_by = models.DateTimeField(null=True)
    updated_at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["dispute_id"], name="orders_dispute_id"),
            models.Index(fields=["payment_intent"], name="orders_dispute_intent"),
            models.Index(fields=["charge"], name="orders_dispute_charge", condition=~Q(charge="")),
            models.Index(fields=["due_by"], name="orders_dispute_awaiting", condition=Q(status__in=AWAITING_EVIDENCE)),
        ]

    def __str__(self) -> str:
        return self.dispute_id


class Review(models.Model):
    """One review of Stripe's Radar; its key is `<order>-<its id>`."""

    id = models.CharField(primary_key=True, max_length=300)
    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="reviews")
    review_id = models.CharField(max_length=255)
    is_open = models.BooleanField()
    reason = models.CharField(max_length=100, blank=True)
    updated_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["review_id"], name="orders_review_id")]

    def __str__(self) -> str:
        return self.review_id
