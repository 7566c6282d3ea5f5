from django.db import models

from core.models import StreamHead


class CallState(models.TextChoices):
    REQUESTED = "requested", "requested"
    SUCCEEDED = "succeeded", "succeeded"
    FAILED = "failed", "failed"
    UNKNOWN = "unknown", "unknown"


OPEN_STATES = (CallState.REQUESTED, CallState.UNKNOWN)


class StripeCall(StreamHead):
    """One call to Stripe, from intent to outcome: the fold of its stream. Its id is its idempotency key."""

    stream_prefix = "stripe-call"

    id = models.UUIDField(primary_key=True)
    account = models.CharField(max_length=64)
    operation = models.CharField(max_length=64)
    target = models.CharField(max_length=255, blank=True)
    body = models.JSONField(default=dict)
    subject = models.CharField(max_length=100, blank=True)
    state = models.CharField(max_length=16, choices=CallState, default=CallState.REQUESTED)
    reason = models.CharField(max_length=255, blank=True)
    attempts = models.PositiveIntegerField(default=0)
    object_id = models.CharField(max_length=255, blank=True)
    requested_at = models.DateTimeField(null=True)
    tried_at = models.DateTimeField(null=True)
    settled_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "Stripe call"
        indexes = [
            models.Index(fields=["subject", "requested_at"], name="billing_call_subject"),
            models.Index(fields=["requested_at"], name="billing_call_open", condition=models.Q(state__in=OPEN_STATES)),
        ]

    def __str__(self) -> str:
        return f"{self.operation} {self.id}"

    @property
    def is_open(self) -> bool:
        return self.state in OPEN_STATES
