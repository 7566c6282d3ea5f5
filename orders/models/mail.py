"""What shoppers are told by e-mail, beside the log: whose address it is stands in Contact alone."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class MailKind(models.TextChoices):
    PAID = "paid", _("the order is paid")
    REFUNDED = "refunded", _("a refund was made")
    PAYMENT_FAILED = "payment_failed", _("a payment failed later")


class MailState(models.TextChoices):
    WAITING = "waiting", _("waiting")
    SENT = "sent", _("sent")
    OVERTAKEN = "overtaken", _("overtaken")
    GIVEN_UP = "given_up", _("given up")


class Mail(models.Model):
    """One piece of news for one order's shopper; its key is `<order>-<kind>-<reference>`, so that it is told once.

    It was made when its event was recorded. `reference` is what the news is about: a refund, a payment or a charge by
    Stripe's id, '' where it is the order itself. It is overtaken when it is not true any more by the time that it could
    be sent. `error` is why the last attempt failed, as a code: a server's own words may hold the address. No row of an
    order points here, since a rebuild may not touch what was sent.
    """

    id = models.CharField(primary_key=True, max_length=300)
    order_id = models.BigIntegerField()
    kind = models.CharField(max_length=16, choices=MailKind)
    reference = models.CharField(max_length=255, blank=True)
    state = models.CharField(max_length=16, choices=MailState, default=MailState.WAITING)
    attempts = models.PositiveIntegerField(default=0)
    error = models.CharField(max_length=100, blank=True)
    made_at = models.DateTimeField()
    try_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name, verbose_name_plural = _("e-mail"), _("e-mails")
        indexes = [
            # The list, newest orders first, and of those what was not sent.
            models.Index(fields=["-order_id", "id"], name="orders_mail_listed"),
            models.Index(fields=["state", "-order_id", "id"], name="orders_mail_state", condition=~Q(state="sent")),
            # What is due.
            models.Index(fields=["try_at"], name="orders_mail_due", condition=Q(state="waiting")),
        ]

    def __str__(self) -> str:
        return str(self.pk)
