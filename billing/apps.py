from django.apps import AppConfig
from django.utils.translation import gettext_lazy


class BillingConfig(AppConfig):
    name = "billing"
    verbose_name = gettext_lazy("Stripe")

    def ready(self) -> None:
        from billing import (  # noqa: F401, PLC0415 registers what follows from settled calls, and from saving
            mirroring,
            projections,
            readings,
            receivers,
        )
        from billing.gateway import (  # noqa: F401, PLC0415 registers their operations
            accounts,
            balance_transactions,
            charges,
            disputes,
            events,
            payment_intents,
            payouts,
            refunds,
            sessions,
            webhook_endpoints,
        )
