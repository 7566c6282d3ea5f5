"""Forgetting a person by their e-mail address, wherever it stands: in contacts, in what Stripe posted, in notes."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
import structlog
from django.db import connection, transaction
from django.db.models import F, Func, Q, QuerySet, TextField, Value
from django.db.models.functions import Lower
from django.db.models.lookups import Contains, Regex

from core.eventlog import provenance
from orders.models import Checkout, Payment, StaffNote
from orders.services.forgetting import forget_contact, orders_of_contact
from orders.services.notes import erase_note
from webhooks.events import parse_event
from webhooks.handlers import order_told_of
from webhooks.models import Delivery
from webhooks.personal import without_person

log = structlog.get_logger()

# Of an address, what JSON never escapes.
PLAIN = re.compile(r"[a-z0-9@._-]+")
# A payload in small letters, what is not ASCII as octal numbers.
PAYLOAD_TEXT = Lower(Func(F("payload"), Value("escape"), function="encode", output_field=TextField()))
# What is forgotten by itself, or told with the numbers of its orders.
LOOKED_THROUGH = {"orders_contact", "orders_staffnote", "webhooks_delivery"}


@dataclass(frozen=True, kw_only=True)
class Address:
    """An e-mail address, as a whole and in whatever case: `da@example.com` does not stand in `ada@example.com`."""

    email: str

    def stands_in(self, text: str) -> bool:
        pattern = rf"(?<![\w.+%'-]){re.escape(self.email)}(?![\w-]|\.\w)"
        return re.search(pattern, text, re.IGNORECASE) is not None

    def stands_below(self, value: Any) -> bool:
        """Whether any text or key of some JSON holds it."""
        if isinstance(value, dict):
            return any(self.stands_in(key) or self.stands_below(inner) for key, inner in value.items())
        if isinstance(value, list):
            return any(map(self.stands_below, value))
        return isinstance(value, str) and self.stands_in(value)

    @property
    def needle(self) -> str:
        """What is in every payload that holds it, and in a few more."""
        plain: list[str] = PLAIN.findall(self.email.lower())
        return max(plain, key=len)


@dataclass(frozen=True, kw_only=True)
class Forgetting:
    """What was found, and is gone unless it was only looked for. `noted` are the orders whose notes hold the address;
    `left` counts rows by table that hold it, too.
    """

    orders: list[int]
    deliveries: int
    noted: list[int]
    left: dict[str, int]

    def __bool__(self) -> bool:
        return bool(self.orders or self.deliveries or self.noted or self.left)


def forget_person(email: str, *, notes: bool = False, for_good: bool = True) -> Forgetting:
    """Take what is held of whoever has this address: a transaction for each order, and safe to do again.

    With `notes` the notes that hold the address are erased, too. Without `for_good` it is only looked for.
    """
    address = Address(email=email)
    loose, orders = told_of(address)
    orders |= set(orders_of_contact(email))
    loose |= {delivery.pk for delivery in unattached(orders)}
    noted = [note for note in StaffNote.objects.filter(text__icontains=email) if address.stands_in(note.text)]
    if for_good:
        with provenance.acting("system:forget"):
            redacted = sum(forget_order(order_id) for order_id in sorted(orders))
            redacted += redact_for_good(Delivery.objects.filter(pk__in=loose))
            for note in noted if notes else ():
                erase_note(order_id=note.order_id, note_id=note.pk)
    else:
        concerned = Delivery.objects.filter(Q(pk__in=loose) | Q(order_id__in=orders))
        redacted = sum(1 for _ in redactable(concerned))
    left = rows_with(email)
    log.info("person.forgotten", orders=sorted(orders), deliveries=redacted, for_good=for_good)
    return Forgetting(
        orders=sorted(orders), deliveries=redacted, noted=sorted({note.order_id for note in noted}), left=left
    )


def told_of(address: Address) -> tuple[set[int], set[int]]:
    """The deliveries that hold an address and no order's number, and the orders that any such delivery is of."""
    loose, orders = set[int](), set[int]()
    # All payloads are looked through: there is no index of who is in them.
    for delivery in Delivery.objects.filter(Contains(PAYLOAD_TEXT, address.needle)).iterator():
        if not address.stands_below(msgspec.json.decode(bytes(delivery.payload))):
            continue
        order_id = delivery.order_id
        if order_id is None:
            loose.add(delivery.pk)
            order_id = order_told_of(delivery.account, parse_event(bytes(delivery.payload)))
        if order_id is not None:
            orders.add(order_id)
    return loose, orders


def unattached(orders: Iterable[int]) -> Iterator[Delivery]:
    """Deliveries that failed or wait, hence are no order's yet, and speak of what these orders are paid by."""
    objects = set[str]()
    for ids in (
        *Checkout.objects.filter(order_id__in=orders).values_list("session_id", "payment_intent"),
        *Payment.objects.filter(order_id__in=orders).values_list("source_id", "payment_intent", "charge"),
    ):
        objects.update(filter(None, ids))
    if objects:
        pattern = "|".join(re.escape(object_id.lower()) for object_id in sorted(objects))
        yield from Delivery.objects.filter(Regex(PAYLOAD_TEXT, pattern), order_id=None).only("pk")


def forget_order(order_id: int) -> int:
    """Returns how many of its deliveries held something. The order is locked before they are, as everywhere."""
    with transaction.atomic(durable=True):
        forget_contact(order_id=order_id)
        return redact(Delivery.objects.filter(order_id=order_id))


def redact_for_good(deliveries: QuerySet[Delivery]) -> int:
    with transaction.atomic(durable=True):
        return redact(deliveries)


def redact(deliveries: QuerySet[Delivery]) -> int:
    """In the caller's transaction; returns how many held something."""
    changed = list(redactable(deliveries.select_for_update()))
    for delivery in changed:
        delivery.save(update_fields=["payload"])
    return len(changed)


def redactable(deliveries: QuerySet[Delivery]) -> Iterator[Delivery]:
    """Those that hold something, with a payload that doesn't, not saved."""
    for delivery in deliveries.order_by("pk"):
        payload = bytes(delivery.payload)
        redacted = without_person(payload)
        if redacted != payload:
            delivery.payload = redacted
            yield delivery


def rows_with(email: str) -> dict[str, int]:
    """How many rows of which table hold the address, where nothing is done about it."""
    escaped = re.sub(r"(\W)", r"\\\1", email.lower())
    pattern = rf"(^|[^[:alnum:]_.+%'-]){escaped}($|[^[:alnum:]_.-])"
    found = {}
    with connection.cursor() as cursor:
        for table in sorted(set(connection.introspection.table_names(cursor)) - LOOKED_THROUGH):
            name = connection.ops.quote_name(table)
            cursor.execute(
                f"SELECT count(*) FROM {name} t"  # noqa: S608 the catalogue's own name, quoted
                " WHERE strpos(lower(t::text), lower(%s)) > 0 AND lower(t::text) ~ %s",
                [email, pattern],
            )
            (count,) = cursor.fetchone() or (0,)
            if count:
                found[table] = count
    return found
