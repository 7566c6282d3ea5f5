"""What staff asked for: refunds, approvals of refunds, and the text of their notes."""

import msgspec
from django.db import models
from django.utils.translation import gettext_lazy as _

from orders.events import RefundedLine, RefundPart
from orders.models.order import Order


class RefundRequest(models.Model):
    """A refund that one of us asked for; its key is `<order>-<call>`. Whether it was made is told by the Refund of the
    same `call_id`, or by its call as long as there is none.

    `amount` is in minor units of the payment's currency, `lines` holds a RefundedLine each. `approval` is the id of the
    approval by which it was made, '' where somebody made it on their own.
    """

    id = models.CharField(primary_key=True, max_length=64)
    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="refund_requests")
    call_id = models.CharField(max_length=36)
    payment_intent = models.CharField(max_length=255)
    amount = models.BigIntegerField()
    reason = models.CharField(max_length=32)
    lines = models.JSONField(default=list)
    approval = models.CharField(max_length=36, blank=True)
    requested_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.call_id

    @property
    def refunded_lines(self) -> tuple[RefundedLine, ...]:
        return msgspec.convert(self.lines, tuple[RefundedLine, ...])


class ApprovalState(models.TextChoices):
    WAITING = "waiting", _("waiting")
    APPROVED = "approved", _("approved")
    DECLINED = "declined", _("declined")


class RefundApproval(models.Model):
    """A refund above the limit, which a second person approves or declines; its key is `<order>-<approval>`.

    `parts` holds a RefundPart for each payment, `lines` a RefundedLine each; `amount` is the sum of the parts in minor
    units of `currency`. `asked_by` and `decided_by` are actors: `staff:<id>`.
    """

    id = models.CharField(primary_key=True, max_length=64)
    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="refund_approvals")
    approval = models.CharField(max_length=36)
    state = models.CharField(max_length=16, choices=ApprovalState, default=ApprovalState.WAITING)
    parts = models.JSONField(default=list)
    lines = models.JSONField(default=list)
    reason = models.CharField(max_length=32)
    amount = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    asked_by = models.CharField(max_length=100)
    decided_by = models.CharField(max_length=100, blank=True)
    asked_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["asked_at"], name="orders_approval_waiting", condition=models.Q(state="waiting")),
        ]

    def __str__(self) -> str:
        return f"refund approval {self.approval}"

    @property
    def refund_parts(self) -> tuple[RefundPart, ...]:
        return msgspec.convert(self.parts, tuple[RefundPart, ...])

    @property
    def refunded_lines(self) -> tuple[RefundedLine, ...]:
        return msgspec.convert(self.lines, tuple[RefundedLine, ...])


class StaffNote(models.Model):
    """The text of a note, beside the log: `order.note_added` holds its id and its digest, and stays when it is erased.

    `salt` is part of the digest, so that what was erased can't be guessed from it. No row of an order points here and
    none is pointed at: replay and rebuild know nothing of it.
    """

    id = models.UUIDField(primary_key=True)
    order_id = models.BigIntegerField(db_index=True)
    text = models.TextField()
    salt = models.BinaryField(max_length=16)
    author_id = models.BigIntegerField(null=True)
    added_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"note on order {self.order_id}"
