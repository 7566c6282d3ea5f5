"""What the inbox costs to write, and when it is looked after: docs/decisions/0032-schema-settings.md."""

from django.db import migrations

# A payload is compressed while its transaction is open. By lz4, where the server was built with it, storing a delivery
# costs a fifth less than by PostgreSQL's own way. What is stored already stays readable as it is.
COMPRESSION = """
DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_settings WHERE name = 'default_toast_compression' AND 'lz4' = ANY (enumvals)) THEN
        ALTER TABLE webhooks_delivery ALTER COLUMN payload SET COMPRESSION lz4;
    END IF;
END $$
"""
SET = """
ALTER TABLE webhooks_delivery SET (autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05);
ALTER TABLE webhooks_paymentlink SET (autovacuum_vacuum_scale_factor = 0.05);
"""
RESET = """
ALTER TABLE webhooks_delivery RESET (autovacuum_vacuum_scale_factor, autovacuum_analyze_scale_factor);
ALTER TABLE webhooks_paymentlink RESET (autovacuum_vacuum_scale_factor);
"""


class Migration(migrations.Migration):
    dependencies = [("webhooks", "0006_purged_payloads")]
    both_versions = "Settings of tables, which no code names."

    operations = [
        migrations.RunSQL(COMPRESSION, "ALTER TABLE webhooks_delivery ALTER COLUMN payload SET COMPRESSION default"),
        migrations.RunSQL(SET, RESET),
    ]
