"""What the log's table costs to write, and when it is looked after: docs/decisions/0032-schema-settings.md."""

from django.db import migrations, models
from django.db.models.expressions import RawSQL

# pg_control_system() opens and reads a file, for each row. A server process belongs to one cluster as long as it lives,
# and so do its plans: the planner may fold this into them. For any other use it would be a lie.
CLUSTER = """
CREATE FUNCTION core_cluster() RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS 'SELECT system_identifier FROM pg_catalog.pg_control_system()';
COMMENT ON FUNCTION core_cluster() IS 'for defaults alone: in an index or a stored column it would outlive the cluster';
"""
# It is never updated: vacuum is there to freeze it, little by little, and to let lists read its indexes alone.
VACUUM = "ALTER TABLE core_event SET (autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05)"
NO_VACUUM = "ALTER TABLE core_event RESET (autovacuum_vacuum_insert_scale_factor, autovacuum_analyze_scale_factor)"


class Migration(migrations.Migration):
    dependencies = [("core", "0006_staff_record")]
    both_versions = "No code names the column in an INSERT: the default fills it with the same number as before."

    operations = [
        migrations.RunSQL(CLUSTER, "DROP FUNCTION core_cluster()"),
        migrations.AlterField(
            model_name="event",
            name="cluster",
            field=models.BigIntegerField(db_default=RawSQL("core_cluster()", ()), editable=False),
        ),
        migrations.RunSQL(VACUUM, NO_VACUUM),
    ]
