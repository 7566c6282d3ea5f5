from django.db import models


class DeliveryState(models.TextChoices):
    RECEIVED = "received", "received"
    HANDLED = "handled", "handled"
    IGNORED = "ignored", "ignored"
    REFUSED = "refused", "refused: another API version"
    FAILED = "failed", "failed"
    WAITING = "waiting", "waiting for its payment to be known"

    @classmethod
    def unhandled(cls) -> list["DeliveryState"]:
        """Kept, and still to be handled: few among many."""
        return [cls.REFUSED, cls.FAILED, cls.WAITING]


class DeliverySource(models.TextChoices):
    """How an event came in: posted and signed, or read from the Events API because no webhook had brought it (yet)."""

    WEBHOOK = "webhook", "webhook"
    BACKFILL = "backfill", "backfill"


class PaymentLink(models.Model):
    """Which order a PaymentIntent pays; what is about it waits at this row until that is known."""

    account = models.CharField(max_length=64)
    payment_intent = models.CharField(max_length=255)
    order_id = models.BigIntegerField(null=True)
    seen_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "payment_intent"], name="webhooks_link_once")]

    def __str__(self) -> str:
        return self.payment_intent


class BackfillCursor(models.Model):
    """Until when the Events API of an account has been read."""

    account = models.CharField(max_length=64, unique=True)
    read_until = models.DateTimeField()

    def __str__(self) -> str:
        return self.account


class Delivery(models.Model):
    """The inbox: one row per event of an account, however often it was posted.

    `payload` is what came, without client secrets. `source` is `webhook` once its signature was verified, whether the
    backfill had brought it before or not.
    """

    account = models.CharField(max_length=64)
    event_id = models.CharField(max_length=255)
    type = models.CharField(max_length=100)
    api_version = models.CharField(max_length=64, blank=True)
    livemode = models.BooleanField()
    object_id = models.CharField(max_length=255, blank=True)
    payload = models.BinaryField()
    # The database's default serves processes of the version before, while a new one is being rolled out.
    source = models.CharField(max_length=16, choices=DeliverySource, db_default=DeliverySource.WEBHOOK)
    state = models.CharField(max_length=16, choices=DeliveryState, default=DeliveryState.RECEIVED)
    reason = models.CharField(max_length=255, blank=True)
    order_id = models.BigIntegerField(null=True)
    link = models.ForeignKey(PaymentLink, on_delete=models.PROTECT, null=True, related_name="waiting")
    attempts = models.PositiveIntegerField(default=0)
    received_at = models.DateTimeField()
    handled_at = models.DateTimeField(null=True)
    try_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "deliveries"
        constraints = [models.UniqueConstraint(fields=["account", "event_id"], name="webhooks_delivery_once")]
        indexes = [
            models.Index(fields=["order_id"], name="webhooks_delivery_order"),
            models.Index(fields=["try_at"], name="webhooks_delivery_due", condition=models.Q(try_at__isnull=False)),
            models.Index(
                fields=["state", "-id"],
                name="webhooks_delivery_unhandled",
                condition=models.Q(state__in=DeliveryState.unhandled()),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.event_id}"
