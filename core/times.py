"""Times as staff read them: in their own zone, which core.middleware.StaffLanguageMiddleware puts in force."""

from datetime import UTC, datetime

from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timezone import localtime

TO_SECONDS = "%Y-%m-%d %H:%M:%S"


def local_time(at: datetime | None) -> SafeString | str:
    """`2026-11-23 07:00:58` in the time zone of who looks, UTC on hover; a dash where nothing happened yet."""
    if at is None:
        return "-"
    markup = '<time datetime="{}" title="{} UTC" class="whitespace-nowrap">{}</time>'
    return format_html(
        markup, at.isoformat(), at.astimezone(UTC).strftime(TO_SECONDS), localtime(at).strftime(TO_SECONDS)
    )
