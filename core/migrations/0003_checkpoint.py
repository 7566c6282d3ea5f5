"""Checkpoints are append-only in the database itself, as the log is."""

import django.contrib.postgres.fields
from django.db import migrations, models

REFUSE = """
CREATE FUNCTION core_checkpoint_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'core_checkpoint is append-only: % refused', TG_OP USING ERRCODE = 'restrict_violation';
END
$$;
CREATE TRIGGER core_checkpoint_append_only BEFORE UPDATE OR DELETE ON core_checkpoint
    FOR EACH ROW EXECUTE FUNCTION core_checkpoint_refuse_change();
CREATE TRIGGER core_checkpoint_no_truncate BEFORE TRUNCATE ON core_checkpoint
    FOR EACH STATEMENT EXECUTE FUNCTION core_checkpoint_refuse_change();
"""

ALLOW = """
DROP TRIGGER core_checkpoint_no_truncate ON core_checkpoint;
DROP TRIGGER core_checkpoint_append_only ON core_checkpoint;
DROP FUNCTION core_checkpoint_refuse_change();
"""


class Migration(migrations.Migration):
    dependencies = [("core", "0002_append_only")]

    operations = [
        migrations.CreateModel(
            name="Checkpoint",
            fields=[
                ("number", models.PositiveBigIntegerField(primary_key=True, serialize=False)),
                ("previous", models.BinaryField(max_length=32)),
                ("after", django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), size=3)),
                ("to", django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), size=3)),
                ("count", models.PositiveBigIntegerField()),
                ("root", models.BinaryField(max_length=32)),
                ("marks", models.BinaryField()),
                ("made_at", models.DateTimeField()),
                ("public_key", models.BinaryField(max_length=32)),
                ("signature", models.BinaryField(max_length=64)),
            ],
        ),
        migrations.RunSQL(REFUSE, ALLOW),
    ]
