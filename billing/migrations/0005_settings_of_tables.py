"""When the table of calls is looked after: docs/decisions/0032-schema-settings.md."""

from django.db import migrations

SET = "ALTER TABLE billing_stripecall SET (autovacuum_vacuum_scale_factor = 0.05)"
RESET = "ALTER TABLE billing_stripecall RESET (autovacuum_vacuum_scale_factor)"


class Migration(migrations.Migration):
    dependencies = [("billing", "0004_lists")]
    both_versions = "Settings of a table, which no code names."

    operations = [migrations.RunSQL(SET, RESET)]
