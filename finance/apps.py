from django.apps import AppConfig


class FinanceConfig(AppConfig):
    name = "finance"

    def ready(self) -> None:
        from finance.exports import projections  # noqa: F401, PLC0415 registers the aggregate once models can be imported
