"""What was taken out of the admin."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from core.models import StreamHead


class ExportState(models.TextChoices):
    BEGUN = "begun", _("begun")
    MADE = "made", _("made")
    BROKEN_OFF = "broken_off", _("broken off")


class ExportRecord(StreamHead):
    """What somebody took out of the admin: the fold of `export-<id>`.

    `of` is a name of finance.exports.resources.exports, `person` a user's id, `filters` those of the list, by name.
    """

    stream_prefix = "export"

    id = models.UUIDField(primary_key=True)
    of = models.CharField(max_length=32)
    format = models.CharField(max_length=8)
    person = models.BigIntegerField(null=True)
    filters = models.JSONField(default=dict)
    state = models.CharField(max_length=16, choices=ExportState, default=ExportState.BEGUN)
    rows = models.BigIntegerField(null=True)
    begun_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "export"
        indexes = [models.Index(fields=["-begun_at"], name="finance_export_begun")]

    def __str__(self) -> str:
        return f"{self.of}.{self.format}"
