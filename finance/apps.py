from django.apps import AppConfig
from django.utils.translation import gettext_lazy


class FinanceConfig(AppConfig):
    name = "finance"
    verbose_name = gettext_lazy("Finance")

    def ready(self) -> None:
        from core.eventlog import following  # noqa: PLC0415 models can be imported now
        from finance import readings  # noqa: F401, PLC0415 registers what /metrics reads
        from finance.books.projection import books  # noqa: PLC0415 as above
        from finance.exports import projections  # noqa: F401, PLC0415 registers the aggregate
        from finance.projections import month, reconciliation, stripe  # noqa: F401, PLC0415 registers the aggregates
        from finance.selectors.ledger import fees_of, orders_of_books  # noqa: PLC0415 as above
        from orders.finding import order_finders  # noqa: PLC0415 as above
        from orders.representations import money_contributors  # noqa: PLC0415 as above

        following.register(books)
        money_contributors.append(fees_of)
        order_finders.append(orders_of_books)
