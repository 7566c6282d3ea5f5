from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('webhooks', '0001_initial'),
    ]

    operations = [
        # Which of the deliveries so far the backfill had brought is not known any more: they count as posted.
        migrations.AddField(
            model_name='delivery',
            name='source',
            field=models.CharField(choices=[('webhook', 'webhook'), ('backfill', 'backfill')], db_default='webhook', max_length=16),
        ),
    ]
