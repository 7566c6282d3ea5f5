"""The log's one table, and the columns that tie a row to its stream."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.expressions import RawSQL
from django.utils.translation import gettext_lazy as _

from core.chain import GENESIS, Head


class Event(models.Model):
    """One recorded fact. Written by core.eventlog alone; UPDATE, DELETE and TRUNCATE are refused by triggers."""

    position = models.BigAutoField(primary_key=True)
    stream = models.CharField(max_length=100)
    version = models.PositiveIntegerField()
    kind = models.CharField(max_length=64)
    schema = models.PositiveSmallIntegerField(db_default=1)
    data = models.JSONField()
    actor = models.CharField(max_length=100)
    correlation_id = models.CharField(max_length=64)
    cause = models.CharField(max_length=255, blank=True)
    recorded_at = models.DateTimeField()
    digest = models.BinaryField(max_length=32)
    # Which database cluster wrote the event and in which of its transactions: together they tell when the order of
    # events is settled (core/eventlog/tail.py). The database fills both in.
    cluster = models.BigIntegerField(db_default=RawSQL("core_cluster()", ()), editable=False)
    transaction_id = models.BigIntegerField(db_default=RawSQL("pg_current_xact_id()::text::bigint", ()), editable=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["stream", "version"], name="core_event_stream_version")]
        indexes = [
            models.Index(fields=["cluster", "transaction_id", "position"], name="core_event_settled"),
            models.Index(fields=["cause"], name="core_event_cause", condition=~models.Q(cause="")),
        ]

    def __str__(self) -> str:
        return f"{self.stream} {self.version} {self.kind}"


class StreamHead(models.Model):
    """A row that is the fold of one stream, and carries that stream's head so that appending reads nothing."""

    stream_version = models.PositiveIntegerField(default=0, editable=False)
    stream_digest = models.BinaryField(max_length=32, default=GENESIS, editable=False)

    stream_prefix: str

    class Meta:
        abstract = True

    @property
    def stream(self) -> str:
        return self.stream_of(self.pk)

    @classmethod
    def stream_of(cls, key: object) -> str:
        return f"{cls.stream_prefix}-{key}"

    @classmethod
    def key_in(cls, stream: str) -> str | None:
        """The key that a stream's name holds; None when the stream belongs to rows of another kind."""
        prefix = f"{cls.stream_prefix}-"
        return stream.removeprefix(prefix) if stream.startswith(prefix) else None

    @property
    def head(self) -> Head:
        return Head(self.stream_version, bytes(self.stream_digest))

    @head.setter
    def head(self, head: Head) -> None:
        self.stream_version, self.stream_digest = head


class StaffRecord(StreamHead):
    """What became of one person of staff, by the id of their user: the fold of `staff-<id>`.

    It outlives the user, and ties to no row of theirs. 0 is whoever gave a name that nobody has. `refused_at` is when
    a sign-in was last refused because of a lockout; `groups` and `permissions` (those given to them alone) are ids.
    """

    stream_prefix = "staff"

    id = models.BigIntegerField(primary_key=True)
    groups = ArrayField(models.BigIntegerField(), default=list)
    permissions = ArrayField(models.BigIntegerField(), default=list)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    is_superuser = models.BooleanField(default=False)
    has_second_factor = models.BooleanField(default=False)
    signed_in_at = models.DateTimeField(null=True)
    signed_out_at = models.DateTimeField(null=True)
    failed_at = models.DateTimeField(null=True)
    refused_at = models.DateTimeField(null=True)
    locked_out_at = models.DateTimeField(null=True)
    denied_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("sign-ins of a person")
        verbose_name_plural = _("sign-ins")

    def __str__(self) -> str:
        return self.stream


class Checkpoint(models.Model):
    """A signed Merkle root over a range of settled events. Written by core.eventlog.checkpoints alone; UPDATE, DELETE
    and TRUNCATE are refused by triggers.

    The range begins behind the cursor `after` (empty: with the first event) and ends with the one at `to`, both as
    core.eventlog.tail.Cursor. The signature covers every other column.
    """

    number = models.PositiveBigIntegerField(primary_key=True)
    previous = models.BinaryField(max_length=32)  # the hash of the checkpoint before it
    after = ArrayField(models.BigIntegerField(), size=3)
    to = ArrayField(models.BigIntegerField(), size=3)
    count = models.PositiveBigIntegerField()
    root = models.BinaryField(max_length=32)
    # The first four bytes of each event's digest. The root tells that an event has changed, these tell which.
    marks = models.BinaryField()
    made_at = models.DateTimeField()
    public_key = models.BinaryField(max_length=32)
    signature = models.BinaryField(max_length=64)

    def __str__(self) -> str:
        return f"checkpoint {self.number}"


class Follower(models.Model):
    """How far a projection has followed the log: a core.eventlog.tail.Cursor, null while it has read nothing."""

    name = models.CharField(primary_key=True, max_length=64)
    cursor = ArrayField(models.BigIntegerField(), size=3, null=True)

    def __str__(self) -> str:
        return self.name


class BulkRun(models.Model):
    """One action that a person ordered for many rows: see core.bulk. `action` is one of its registry."""

    id = models.UUIDField(primary_key=True)
    action = models.CharField(max_length=64)
    actor = models.CharField(max_length=100)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.action} {self.pk}"


class BulkItemState(models.TextChoices):
    LEFT = "left", _("left")
    DONE = "done", _("done")
    REFUSED = "refused", _("refused")


class BulkItem(models.Model):
    """What became of one row; `key` is its primary key, `reason` says in words why it was refused."""

    run = models.ForeignKey(BulkRun, on_delete=models.CASCADE, related_name="items")
    key = models.CharField(max_length=255)
    state = models.CharField(max_length=16, choices=BulkItemState, default=BulkItemState.LEFT)
    reason = models.CharField(max_length=500, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "key"], name="core_bulk_item_once")]
        indexes = [models.Index(fields=["run", "state", "id"], name="core_bulk_item_state")]

    def __str__(self) -> str:
        return f"{self.key} of {self.run_id}"
