from django.apps import AppConfig


class FinanceConfig(AppConfig):
    name = "finance"

    def ready(self) -> None:
        from finance.projections import reconciliation, stripe  # noqa: F401, PLC0415 registers the aggregates once models can be imported
