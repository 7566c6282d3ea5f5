from django.apps import AppConfig


class BillingConfig(AppConfig):
    name = "billing"

    def ready(self) -> None:
        from billing import projections  # noqa: F401, PLC0415 registers the aggregate once models can be imported
        from billing.gateway import charges, disputes, events, payment_intents, refunds, sessions  # noqa: F401, PLC0415 registers their operations
