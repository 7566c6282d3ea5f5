"""Indexes of the inbox without the rows that nobody looks for: docs/decisions/0032-schema-settings.md."""

import django.db.models.deletion
from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("webhooks", "0007_settings_of_tables")]
    both_versions = "Indexes alone, each built before the one that it replaces is dropped."

    operations = [
        # Most deliveries wait at no link, and many are of no order: an index need not hold those.
        AddIndexConcurrently(
            "delivery",
            models.Index(
                fields=["link"], name="webhooks_delivery_waiting", condition=models.Q(("link__isnull", False))
            ),
        ),
        migrations.AlterField(
            model_name="delivery",
            name="link",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="waiting",
                to="webhooks.paymentlink",
            ),
        ),
        AddIndexConcurrently(
            "delivery",
            models.Index(
                fields=["order_id"], name="webhooks_delivery_of_order", condition=models.Q(("order_id__isnull", False))
            ),
        ),
        RemoveIndexConcurrently("delivery", "webhooks_delivery_order"),
    ]
