"""What the orders' tables cost to write, and when they are looked after: docs/decisions/0032-schema-settings.md."""

from django.db import migrations

# Django gives each key of text a second index, for `LIKE 'abc%'`. Nobody asks for that.
PATTERNS = {
    "orders_checkout_id_7e18075a_like": "orders_checkout (id varchar_pattern_ops)",
    "orders_orderline_id_2a54f474_like": "orders_orderline (id varchar_pattern_ops)",
    "orders_payment_id_34137658_like": "orders_payment (id varchar_pattern_ops)",
    "orders_payment_payment_intent_903df9b3_like": "orders_payment (payment_intent varchar_pattern_ops)",
}
# A tenth of each page is left for new versions of its rows, so that an update that changes no indexed column touches no
# index, also where pages are packed: right after a rebuild. A twentieth of dead rows is cleared away, not a fifth.
SET = """
ALTER TABLE orders_order SET (fillfactor = 90, autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05);
ALTER TABLE orders_checkout SET (autovacuum_vacuum_scale_factor = 0.05);
"""
RESET = """
ALTER TABLE orders_order RESET (fillfactor, autovacuum_vacuum_scale_factor, autovacuum_analyze_scale_factor);
ALTER TABLE orders_checkout RESET (autovacuum_vacuum_scale_factor);
"""


class Migration(migrations.Migration):
    dependencies = [("orders", "0012_state_count")]
    both_versions = "Settings of tables, and indexes that no query asks."

    operations = [
        *(migrations.RunSQL(f"DROP INDEX IF EXISTS {name}", f"CREATE INDEX {name} ON {of}") for name, of in PATTERNS.items()),
        migrations.RunSQL(SET, RESET),
    ]
