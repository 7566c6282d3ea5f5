"""Where Stripe's dashboard shows an object, in the right account and mode.

The addresses are those that people copy from the dashboard; Stripe documents only that test data has addresses of its
own (docs.stripe.com/test-mode). What has no address of its own is searched for.
"""

from collections.abc import Mapping
from datetime import timedelta
from urllib.parse import quote

import structlog
from django.conf import settings
from django.utils import timezone

from billing.accounts import configured_accounts
from billing.gateway.accounts import Accounts
from billing.gateway.errors import StripeRefused, StripeUnreachable
from billing.models import StripeIdentity

log = structlog.get_logger()

DASHBOARD = "https://dashboard.stripe.com"
SHOWN_AT = {
    "pi": "payments",
    "ch": "payments",
    "py": "payments",
    "re": "refunds",
    "pyr": "refunds",
    "du": "disputes",
    "dp": "disputes",
    "cs": "checkout/sessions",
    "po": "payouts",
    "evt": "events",
}
# How long Stripe's word on who it is stands.
STANDS = timedelta(days=1)


def dashboard_url(account: str, livemode: bool, object_id: str, *, known: Mapping[str, str] | None = None) -> str:  # noqa: FBT001 read as account, mode, object
    """`https://dashboard.stripe.com/acct_…/test/payments/pi_…`; of the stand-in Stripe where that is in use.

    Without the account's id while it is not known: the dashboard then shows the account that its reader is logged in
    to. `known` is what `stripe_ids` gave, for who asks about many objects.
    """
    base = f"{settings.STAND_IN_ORIGIN}/dashboard" if settings.STAND_IN_ORIGIN else DASHBOARD
    stripe_id = (stripe_ids() if known is None else known).get(account)
    kind = SHOWN_AT.get(object_id.partition("_")[0])
    place = f"{kind}/{quote(object_id, safe='')}" if kind else f"search?query={quote(object_id, safe='')}"
    return "/".join(part for part in (base, stripe_id, "" if livemode else "test", place) if part)


def stripe_ids() -> dict[str, str]:
    """`acct_…` by the name in the settings, as far as Stripe has told."""
    return dict(StripeIdentity.objects.values_list("account", "stripe_id"))


def learn_identity(name: str) -> None:
    """Ask Stripe whose key it is, unless it has said so today. No transaction may be open."""
    account = configured_accounts().get(name)
    if account is None or StripeIdentity.objects.filter(pk=name, read_at__gt=timezone.now() - STANDS).exists():
        return
    try:
        stripe_id = Accounts(account).read("retrieve")["id"]
    except (StripeRefused, StripeUnreachable) as refused:
        log.warning("account.not_identified", account=name, reason=type(refused).__name__)
        return
    StripeIdentity.objects.update_or_create(pk=name, defaults={"stripe_id": stripe_id, "read_at": timezone.now()})
