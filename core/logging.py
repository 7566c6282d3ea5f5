"""structlog for everything: JSON lines in production, readable ones in the demo, secrets redacted in both."""

import logging.config
import re
import sys
from collections.abc import Callable, MutableMapping
from typing import Any, TextIO

import msgspec
import structlog

# Stripe keys and signing secrets, bearer tokens, client secrets of intents, and anything that looks like a card number.
SECRET = re.compile(
    r"\b(?:[sr]k_(?:test|live)_|whsec_)\w+|\bpi_\w+_secret_\w+|(?<=Bearer )\S+|(?<![\w-])(?:\d[ -]?){12,18}\d(?![\w-])"
)
SECRET_NAMES = frozenset({"password", "secret", "token", "authorization", "cookie", "card_number", "cvc", "email"})
REDACTED = "[redacted]"


def redact(value: Any) -> Any:
    """The value with every secret replaced, whatever its nesting."""
    if isinstance(value, str):
        return SECRET.sub(REDACTED, value)
    if isinstance(value, dict):
        return {key: REDACTED if str(key).lower() in SECRET_NAMES else redact(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [redact(item) for item in value]
    return value


def redact_event(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """The structlog processor in front of every renderer: tracebacks are text by then, so they are redacted too."""
    redacted: MutableMapping[str, Any] = redact(dict(event))
    return redacted


def id_in(stream: str) -> dict[str, int | str]:
    """What a stream's name says, as log lines do: `order-42` is `{"order_id": 42}`; nothing of an empty one."""
    prefix, _, key = stream.rpartition("-")
    return {f"{prefix.replace('-', '_')}_id": int(key) if key.isdecimal() else key} if prefix else {}


def forget_where_strangers_were_refused(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> Any:
    """What Django refuses as suspicious (a foreign Host, too many fields) is told without its traceback, which
    anybody could have us write as often as they like.
    """
    if str(event.get("logger")).startswith("django.security."):
        event.pop("exc_info", None)
    return event


class NamedLogger(structlog.WriteLogger):
    """Writes our own lines, past the standard library's logging, which would cost more than all else about them."""

    def __init__(self, file: TextIO, name: str) -> None:
        super().__init__(file)
        self.name = name


def loggers_to(file: TextIO) -> Callable[..., NamedLogger]:
    """One for each module that asks, by its name."""
    named = structlog.stdlib.LoggerFactory(ignore_frame_names=[__name__])
    return lambda *_arguments: NamedLogger(file, named().name)


def as_json(event: MutableMapping[str, Any], **_options: object) -> str:
    return msgspec.json.encode(event, enc_hook=repr).decode()


def logging_settings(*, readable: bool) -> None:
    """Have our lines and those of other packages' loggers go to stderr through one chain of processors."""
    chain: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        forget_where_strangers_were_refused,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
        if readable
        else structlog.processors.JSONRenderer(serializer=as_json)
    )
    structlog.configure(
        processors=[*chain, redact_event, renderer],
        logger_factory=loggers_to(sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                "structlog": {
                    "()": structlog.stdlib.ProcessorFormatter,
                    "foreign_pre_chain": [structlog.stdlib.PositionalArgumentsFormatter(), *chain],
                    "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, redact_event, renderer],
                }
            },
            "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "structlog"}},
            "root": {"handlers": ["stderr"], "level": "INFO"},
            "loggers": {
                # Django's own line per failed request repeats ours, with the query string in it.
                "django.request": {"level": "CRITICAL"},
                "procrastinate": {"level": "WARNING"},
                # It tells of every failed sign-in, with the browser's own words; the event log does without them.
                "axes": {"level": "ERROR"},
                "stripe": {"level": "WARNING"},
            },
        }
    )
