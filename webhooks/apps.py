from django.apps import AppConfig


class WebhooksConfig(AppConfig):
    name = "webhooks"

    def ready(self) -> None:
        from webhooks import projections  # noqa: F401, PLC0415 registers the aggregate once models can be imported
