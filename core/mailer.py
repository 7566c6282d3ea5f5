"""How e-mails leave: what EMAIL_URL and EMAIL_FROM mean."""

from dataclasses import dataclass, field
from email.headerregistry import AddressHeader
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

# With the options of Django's SMTP backend that each stands for.
SMTP_SCHEMES: dict[str, dict[str, bool]] = {"smtp": {}, "smtp+tls": {"use_tls": True}, "smtps": {"use_ssl": True}}
TIMEOUT = 10  # seconds, for each step of a conversation with the server
NOBODY_WRITES_BACK = "shop@localhost"


@dataclass(frozen=True, kw_only=True)
class Mailer:
    """A backend of Django's, and its options."""

    backend: str
    options: dict[str, Any] = field(repr=False)

    @property
    def sends(self) -> bool:
        """Whether mails leave this machine's folders and terminals."""
        return self.backend == backend("smtp")

    @property
    def shows_password(self) -> bool:
        is_encrypted = self.options.get("use_tls") or self.options.get("use_ssl")
        return "password" in self.options and not is_encrypted


def backend(name: str) -> str:
    return f"django.core.mail.backends.{name}.EmailBackend"


def files_in(folder: Path | str) -> Mailer:
    """Each mail is a file of its own."""
    return Mailer(backend=backend("filebased"), options={"file_path": str(folder)})


def mailer_of(text: str) -> Mailer:
    """`smtp+tls://user:password@host:587`, `smtps://`, `smtp://`, `file:///folder`, `console:`; raises ValueError."""
    url = urlsplit(text)
    if url.query or url.fragment:
        raise ValueError
    if url.scheme == "console" and not (url.netloc or url.path):
        return Mailer(backend=backend("console"), options={})
    if url.scheme == "file" and not url.netloc and len(url.path) > 1:
        return files_in(unquote(url.path))
    return smtp_server(url)


def smtp_server(url: SplitResult) -> Mailer:
    has_one_of_two = bool(url.username) != bool(url.password)
    if url.scheme not in SMTP_SCHEMES or not url.hostname or url.port == 0 or url.path not in {"", "/"}:
        raise ValueError
    if has_one_of_two:
        raise ValueError
    options: dict[str, Any] = {"host": url.hostname, "timeout": TIMEOUT, **SMTP_SCHEMES[url.scheme]}
    if url.port:
        options["port"] = url.port
    if url.username and url.password:
        options |= {"username": unquote(url.username), "password": unquote(url.password)}
    return Mailer(backend=backend("smtp"), options=options)


def is_mailbox(text: str) -> bool:
    """Whether this is one address, with a name or without (RFC 5322, 3.4)."""
    parsed = AddressHeader.value_parser(text)
    if not text.isprintable() or parsed.all_defects or len(parsed.all_mailboxes) != 1:
        return False
    try:
        validate_email(parsed.all_mailboxes[0].addr_spec)
    except ValidationError:
        return False
    return True
