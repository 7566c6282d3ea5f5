from django.apps import AppConfig
from django.utils.translation import gettext_lazy


class WebhooksConfig(AppConfig):
    name = "webhooks"
    verbose_name = gettext_lazy("Deliveries")

    def ready(self) -> None:
        from webhooks import projections, readings  # noqa: F401, PLC0415 registers the aggregate, and what /metrics reads
