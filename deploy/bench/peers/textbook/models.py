"""An order, and the events that were handled."""

from django.db import models


class Order(models.Model):
    id = models.BigIntegerField(primary_key=True)
    state = models.CharField(max_length=32, default="pending")
    paid_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"order {self.id}"


class HandledEvent(models.Model):
    event_id = models.CharField(max_length=255, unique=True)
    type = models.CharField(max_length=255)
    payload = models.JSONField()
    handled_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.event_id
