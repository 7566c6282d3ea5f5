"""Refunds that were asked for before there were rows for them: the rows are the fold of events that are there already."""

from django.db import migrations

FOLD = """
INSERT INTO orders_refundrequest
    (id, order_id, call_id, payment_intent, amount, reason, lines, approval, requested_at)
SELECT
    substr(stream, 7) || '-' || (data ->> 'call_id'), substr(stream, 7)::bigint, data ->> 'call_id',
    data ->> 'payment_intent', (data ->> 'amount')::bigint, data ->> 'reason', '[]', '', recorded_at
FROM core_event
WHERE kind = 'order.refund_requested'
"""


class Migration(migrations.Migration):
    dependencies = [("orders", "0004_staff"), ("core", "0001_initial")]

    operations = [migrations.RunSQL(FOLD, reverse_sql="DELETE FROM orders_refundrequest")]
