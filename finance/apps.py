from django.apps import AppConfig


class FinanceConfig(AppConfig):
    name = "finance"

    def ready(self) -> None:
        from core.eventlog import following  # noqa: PLC0415 models can be imported now
        from finance.books.projection import books  # noqa: PLC0415 as above
        from finance.projections import month  # noqa: F401, PLC0415 registers the aggregate

        following.register(books)
