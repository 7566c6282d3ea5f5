"""How amounts and Stripe's objects are written on finance's pages."""

from django.contrib.admin.utils import quote
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from core.admin import text_link
from core.money import format_money

DASHBOARD = "https://dashboard.stripe.com"
# Prefix of an id -> its page; whatever else there is, the dashboard's search finds.
PAGES = {"ch": "payments", "py": "payments", "pi": "payments", "du": "disputes", "dp": "disputes", "po": "payouts"}


def dashboard_url(object_id: str, *, livemode: bool) -> str:
    """The object in Stripe's dashboard, of the account that is chosen there."""
    base = DASHBOARD if livemode else f"{DASHBOARD}/test"
    page = PAGES.get(object_id.partition("_")[0])
    return f"{base}/{page}/{object_id}" if page else f"{base}/search?query={object_id}"


def stripe_link(object_id: str, *, livemode: bool) -> SafeString | str:
    if not object_id:
        return "-"
    markup = '<a href="{}" class="{}" target="_blank" rel="noreferrer" title="{}">{}</a>'
    url, title = dashboard_url(object_id, livemode=livemode), _("Open it in Stripe's dashboard")
    return format_html(markup, url, "text-primary-600 dark:text-primary-400", title, object_id)


def payout_link(payout: str) -> SafeString | str:
    """Its page in the admin."""
    return text_link(reverse("admin:finance_payout_change", args=[quote(payout)]), payout) if payout else "-"


def amount(value: int | None, currency: str) -> SafeString | str:
    """`$18.50`; a dash where there is none."""
    if value is None:
        return "-"
    return format_html('<span class="whitespace-nowrap">{}</span>', format_money(value, currency))
