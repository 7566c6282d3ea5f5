"""The months of the ledger that were closed."""

from datetime import date

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from core.models import StreamHead


class Month(StreamHead):
    """The books of one month, `2026-11`, once they are closed: the fold of `month-<id>`.

    `after` is the place of the projection (a core.eventlog.tail.Cursor) at that moment: what it books later is an
    adjustment. `figures` are the sums then, as finance.events.MonthClosed has them.
    """

    stream_prefix = "month"

    id = models.CharField(primary_key=True, max_length=7)
    after = ArrayField(models.BigIntegerField(), size=3, null=True)
    figures = models.JSONField(default=list)
    closed_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name, verbose_name_plural = _("month"), _("months")
        permissions = [("close_month", "Can close the books of a month")]

    def __str__(self) -> str:
        return self.id

    @property
    def first_day(self) -> date:
        return date.fromisoformat(f"{self.id}-01")
