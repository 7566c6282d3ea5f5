from django.db import models
from django.utils.translation import gettext_lazy as _

from core.models import StreamHead


class DeliveryState(models.TextChoices):
    RECEIVED = "received", _("received")
    HANDLED = "handled", _("handled")
    IGNORED = "ignored", _("ignored")
    REFUSED = "refused", _("refused: another API version")
    FAILED = "failed", _("failed")
    WAITING = "waiting", _("waiting for its payment to be known")

    @classmethod
    def unhandled(cls) -> list["DeliveryState"]:
        """Kept, and still to be handled: few among many."""
        return [cls.REFUSED, cls.FAILED, cls.WAITING]

    @classmethod
    def done(cls) -> list["DeliveryState"]:
        """Nothing comes of it any more."""
        return [cls.HANDLED, cls.IGNORED]


class DeliverySource(models.TextChoices):
    """How an event came in: posted and signed, or read from the Events API because no webhook had brought it (yet)."""

    WEBHOOK = "webhook", _("webhook")
    BACKFILL = "backfill", _("backfill")


class PaymentLink(models.Model):
    """Which order a PaymentIntent pays; what is about it waits at this row until that is known."""

    account = models.CharField(max_length=64)
    payment_intent = models.CharField(max_length=255)
    order_id = models.BigIntegerField(null=True)
    seen_at = models.DateTimeField()

    class Meta:
        # The id before the account: staff look for it without.
        constraints = [models.UniqueConstraint(fields=["payment_intent", "account"], name="webhooks_link_once")]
        indexes = [
            models.Index(fields=["account", "-id"], name="webhooks_link_account"),
            models.Index(fields=["-id"], name="webhooks_link_open", condition=models.Q(order_id=None)),
        ]

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

    `payload` is what came, without client secrets; it is empty from `purged_at` on. `source` is `webhook` once its
    signature was verified, whether the backfill had brought it before or not. `created_at` is when Stripe says that it
    happened.
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
    # The index below takes the place of Django's own.
    link = models.ForeignKey(PaymentLink, on_delete=models.PROTECT, null=True, related_name="waiting", db_index=False)
    attempts = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(null=True)  # null in the rows of the version before
    received_at = models.DateTimeField()
    handled_at = models.DateTimeField(null=True)
    try_at = models.DateTimeField(null=True)
    purged_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "deliveries"
        # The id before the account: staff look for it without.
        constraints = [models.UniqueConstraint(fields=["event_id", "account"], name="webhooks_delivery_once")]
        indexes = [
            # Most wait at no link, and a new one is of no order yet.
            models.Index(fields=["link"], name="webhooks_delivery_waiting", condition=models.Q(link__isnull=False)),
            models.Index(
                fields=["order_id"], name="webhooks_delivery_of_order", condition=models.Q(order_id__isnull=False)
            ),
            models.Index(fields=["try_at"], name="webhooks_delivery_due", condition=models.Q(try_at__isnull=False)),
            # The list by its filters; most deliveries are handled, and met soon without an index of them.
            models.Index(
                fields=["state", "-id"],
                name="webhooks_delivery_state",
                condition=~models.Q(state=DeliveryState.HANDLED),
            ),
            models.Index(fields=["account", "-id"], name="webhooks_delivery_account"),
            models.Index(
                fields=["handled_at"],
                name="webhooks_delivery_full",
                condition=models.Q(purged_at=None, state__in=DeliveryState.done()),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.event_id}"


class HandlingRequest(StreamHead):
    """A person wanted a delivery handled again, which was in `state`: the fold of `delivery-handling-<id>`.

    A stream of its own, since a delivery is no fold of events and may belong to no order.
    """

    stream_prefix = "delivery-handling"

    id = models.UUIDField(primary_key=True)
    account = models.CharField(max_length=64)
    event_id = models.CharField(max_length=255)
    type = models.CharField(max_length=100)
    order_id = models.BigIntegerField(null=True, db_index=True)
    state = models.CharField(max_length=16)
    asked_by = models.CharField(max_length=100)
    asked_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.type} {self.event_id}"
