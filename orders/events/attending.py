"""What people do with an order, and what nobody acted on."""

from dataclasses import dataclass

from core.eventlog.facts import fact


@fact("order.canceled")
@dataclass(frozen=True, kw_only=True)
class OrderCanceled:
    reason: str


@fact("order.attention_raised")
@dataclass(frozen=True, kw_only=True)
class OrderAttentionRaised:
    """A person should look; `reason` is one of orders.models.Attention."""

    reason: str


@fact("order.attention_cleared")
@dataclass(frozen=True, kw_only=True)
class OrderAttentionCleared:
    reason: str


@fact("order.command_refused")
@dataclass(frozen=True, kw_only=True)
class OrderCommandRefused:
    """Somebody wanted what this order's state does not allow: `command` is that of the refusal.

    `reason` is its code; `amount` is the one that the reason names, in minor units of `currency`.
    """

    command: str
    reason: str
    amount: int | None
    currency: str


@fact("order.event_ignored")
@dataclass(frozen=True, kw_only=True)
class OrderEventIgnored:
    """A verified delivery about this order that changed nothing, and why."""

    event_id: str
    type: str
    reason: str


@fact("order.mail_sent")
@dataclass(frozen=True, kw_only=True)
class OrderMailSent:
    """An e-mail was handed over for sending: `kind` is one of orders.models.MailKind, `reference` what it is about."""

    kind: str
    reference: str


@fact("order.note_added")
@dataclass(frozen=True, kw_only=True)
class OrderNoteAdded:
    """Somebody wrote a note; its text is in StaffNote, and `sha256` (hexadecimal) is of that row's salt and text."""

    note: str
    sha256: str


@fact("order.note_erased")
@dataclass(frozen=True, kw_only=True)
class OrderNoteErased:
    """The text of a note is gone; that there was one stays on record."""

    note: str


@fact("order.contact_forgotten")
@dataclass(frozen=True, kw_only=True)
class OrderContactForgotten:
    """What we held of the person who ordered is gone, on their request; whoever it was is not in the log."""


@fact("order.links_revoked")
@dataclass(frozen=True, kw_only=True)
class OrderLinksRevoked:
    """The signed links to the order's page made so far open nothing any more; new ones are of this `generation`."""

    generation: int
