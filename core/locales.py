"""How a reader is used to see numbers and dates: bound at the edge, by core.middleware.LanguageMiddleware."""

from contextvars import ContextVar
from functools import lru_cache

from babel import Locale, UnknownLocaleError
from django.utils.translation import get_language
from django.utils.translation.trans_real import parse_accept_lang_header

FALLBACK = "en"
# Whose way of writing amounts is meant where nobody says.
spoken_locale: ContextVar[str] = ContextVar("spoken_locale", default=FALLBACK)


@lru_cache(maxsize=512)
def locale_of(accept_language: str, language: str | None = None) -> str:
    """The first locale of an Accept-Language header (RFC 9110, 12.5.4) that Babel knows, of this language if one is
    named; the language itself, or `en`, where there is none.
    """
    for tag, _quality in parse_accept_lang_header(accept_language.lower()):
        try:
            locale = Locale.parse(tag, sep="-")
        except (UnknownLocaleError, ValueError):
            continue
        if language is None or locale.language == language:
            return str(locale).replace("_", "-")
    return language or FALLBACK


def amounts_locale() -> Locale:
    return Locale.parse(spoken_locale.get(), sep="-")


def words_locale() -> Locale:
    """Of what stands inside sentences, as dates do: the reader's own only where we speak their language."""
    language = get_language() or FALLBACK
    spoken = amounts_locale()
    return spoken if spoken.language == language else Locale.parse(language, sep="-")
