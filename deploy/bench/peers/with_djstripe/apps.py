"""Takes the handlers away where deliveries are only to be stored."""

from django.apps import AppConfig
from django.conf import settings


class WithDjstripeConfig(AppConfig):
    name = "with_djstripe"

    def ready(self) -> None:
        if settings.DELIVERIES == "stored":
            from djstripe.signals import WEBHOOK_SIGNALS  # noqa: PLC0415 when all models are loaded

            WEBHOOK_SIGNALS["checkout.session.completed"].receivers.clear()
