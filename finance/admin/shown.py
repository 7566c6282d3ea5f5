"""How amounts and Stripe's objects are written on finance's pages."""

from django.contrib.admin.utils import quote
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from billing.dashboard import dashboard_url
from core.admin import text_link
from core.money import format_money


def stripe_link(account: str, livemode: bool, object_id: str) -> SafeString | str:  # noqa: FBT001 as dashboard_url has it
    if not object_id:
        return "-"
    markup = '<a href="{}" class="{}" target="_blank" rel="noreferrer" title="{}">{}</a>'
    url, title = dashboard_url(account, livemode, object_id), _("Open it in Stripe's dashboard")
    return format_html(markup, url, "text-primary-600 dark:text-primary-400", title, object_id)


def payout_link(payout: str) -> SafeString | str:
    """Its page in the admin."""
    return text_link(reverse("admin:finance_payout_change", args=[quote(payout)]), payout) if payout else "-"


def amount(value: int | None, currency: str) -> SafeString | str:
    """`$18.50`; a dash where there is none."""
    if value is None:
        return "-"
    return format_html('<span class="whitespace-nowrap">{}</span>', format_money(value, currency))
