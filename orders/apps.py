from django.apps import AppConfig
from django.utils.translation import gettext_lazy


class OrdersConfig(AppConfig):
    name = "orders"
    verbose_name = gettext_lazy("Orders")

    def ready(self) -> None:
        from core.eventlog import following  # noqa: PLC0415 models can be imported now
        from orders import projections, readings  # noqa: F401, PLC0415 registers the aggregate, and what /metrics reads
        from orders.mails.outbox import outbox  # noqa: PLC0415 as above
        from orders.services import accounts, checkout, closing, intents, refunding  # noqa: F401, PLC0415 registers what follows from settled calls
        from orders.states import states  # noqa: PLC0415 as above

        following.register(outbox)
        following.register(states)
