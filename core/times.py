"""Times as people read them: in their own zone, which core.middleware.LanguageMiddleware puts in force."""

from datetime import UTC, date, datetime

from babel.dates import format_date, format_time
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timezone import localtime

from core.locales import words_locale

TO_SECONDS = "%Y-%m-%d %H:%M:%S"


def written_date(day: date) -> str:
    """`November 25, 2026`, in the reader's way of writing it."""
    return format_date(day, "long", locale=words_locale())


def written_time(at: datetime | None) -> SafeString | str:
    """`November 25, 2026, 9:16 AM` in the zone of who reads it, named where it is UTC; '' where it never was."""
    if at is None:
        return ""
    local = localtime(at)
    said = f"{written_date(local)}, {format_time(local.time(), 'short', locale=words_locale())}"
    zone = local.tzname() if local.tzinfo is not None and str(local.tzinfo) == "UTC" else ""
    return format_html('<time datetime="{}">{}</time>', at.isoformat(), f"{said} {zone}".strip())


def local_time(at: datetime | None) -> SafeString | str:
    """`2026-11-23 07:00:58` in the time zone of who looks, UTC on hover; a dash where nothing happened yet."""
    if at is None:
        return "-"
    markup = '<time datetime="{}" title="{} UTC" class="whitespace-nowrap">{}</time>'
    return format_html(
        markup, at.isoformat(), at.astimezone(UTC).strftime(TO_SECONDS), localtime(at).strftime(TO_SECONDS)
    )
