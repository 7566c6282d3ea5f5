"""What a delivery is about, in one trip: its event and its payment are locked, then its order, and what they guard is
read behind the locks.

A statement that waits for a lock sees other rows as they were before it waited. So each lock has a statement of its
own, and what it guards is read by later ones. A row of an inbox or of a link may not be there yet, so what is locked is
its key, by an advisory lock of the transaction: postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS
"""

from collections.abc import Collection, Sequence
from hashlib import blake2b
from typing import NamedTuple

from django.db.models import Model
from psycopg.types.numeric import Int8

from billing.models import StripeCall
from billing.services import call_id_in
from core.configuration import Account
from core.pipeline import Statement
from core.rows import rows_from, select_rows
from core.trips import ask
from orders.models import FORGOTTEN, Order, OrderLine, RefundRequest
from orders.projections import OrderAggregate
from orders.services.attempts import CREATE_INTENT, CREATE_SESSION
from orders.services.payments import JUDGED_BY
from webhooks.events import StripeEvent
from webhooks.models import Delivery, DeliveryState, PaymentLink
from webhooks.readers import HINTS, READERS, StripeObject, intent_of

# What Stripe gives no metadata of ours: it is known by its PaymentIntent, which may be heard of later.
KNOWN_BY_INTENT = ("refund", "dispute", "review")
# The calls that open a checkout, and whose object each makes.
OPENED_BY = {"checkout.session": CREATE_SESSION, "payment_intent": CREATE_INTENT}
UNDONE = [DeliveryState.RECEIVED, DeliveryState.FAILED]
# The largest column by far, read when it is needed.
PAYLOAD = ("payload",)

THE_DELIVERY = "event_id = %s AND account = %s"
THE_CALL = f"id = %s AND operation IN ('{"', '".join(OPENED_BY.values())}')"
THE_LINK = "payment_intent = %s AND account = %s"
# None, or one in these states.
IS_UNDONE = f"NOT EXISTS (SELECT FROM webhooks_delivery WHERE {THE_DELIVERY} AND state <> ALL(%s))"
# Of the call that opened its checkout, else of its payment.
ORDER_ID = (
    f"COALESCE((SELECT substr(subject, {len(Order.stream_of('')) + 1})::bigint FROM billing_stripecall"
    f" WHERE {THE_CALL}), (SELECT order_id FROM webhooks_paymentlink WHERE {THE_LINK}))"
)
IS_FORGOTTEN = "EXISTS (SELECT FROM orders_contact WHERE order_id = root.key AND email = %s)"
HAS_WAITING = (
    "EXISTS (SELECT FROM webhooks_delivery JOIN webhooks_paymentlink link ON link.id = link_id"
    " WHERE link.payment_intent = %s AND link.account = %s AND state = %s)"
)


class Dossier(NamedTuple):
    """An event's delivery, the call that opened the checkout which it belongs to, the link of its payment, and its
    order, as far as there are any; whether who ordered was forgotten, and whether deliveries wait for the payment.
    """

    delivery: Delivery | None = None
    call: StripeCall | None = None
    link: PaymentLink | None = None
    order: OrderAggregate | None = None
    is_forgotten: bool = False
    has_waiting: bool = False


def claimable(event: StripeEvent) -> list[DeliveryState]:
    """In which states a delivery that is posted is handled; in all others it was, or waits for something else."""
    return [*UNDONE, DeliveryState.REFUSED] if event.is_our_version else UNDONE


def lock(*keys: tuple[str, ...]) -> Statement:
    """Until the transaction ends. Who waits for one holds no lock that comes later: event, payment, order."""
    numbers = [Int8(int.from_bytes(blake2b(repr(key).encode(), digest_size=8).digest(), signed=True)) for key in keys]
    return Statement(f"SELECT {', '.join(['pg_advisory_xact_lock(%s)'] * len(keys))}", tuple(numbers))


def claim_delivery(account: Account, event: StripeEvent) -> Delivery | None:
    """An event's one row, None while there is none; a concurrent post of the event waits from here on."""
    [_, found] = ask(lock(event_key(account, event)), delivery_of(account, event))
    return next(iter(rows_from(Delivery, found, without=PAYLOAD)), None)


def event_key(account: Account, event: StripeEvent) -> tuple[str, ...]:
    return ("event", event.id, account.name)


def delivery_of(account: Account, event: StripeEvent) -> Statement:
    return select_rows(Delivery, Statement(THE_DELIVERY, (event.id, account.name)), without=PAYLOAD)


def open_dossier(
    account: Account,
    event: StripeEvent,
    stripe_object: StripeObject,
    states: Collection[DeliveryState],
    *,
    is_adopted: bool = False,
) -> Dossier:
    """Its order is locked, and there, while its delivery is new or in one of these states: a duplicate locks none.

    `is_adopted`: whoever asks holds the lock of its payment, so that nobody else handles the event; to lock that, too,
    would be out of turn.
    """
    if event.type not in READERS and event.type not in HINTS:
        return Dossier(claim_delivery(account, event))
    kind, link = str(stripe_object.get("object")), (intent_of(stripe_object), account.name)
    call = (call_id_in(stripe_object.get("metadata")),)
    order_id = Statement(ORDER_ID, (*call, *link))
    to_lock = Statement(f"(SELECT {ORDER_ID} WHERE {IS_UNDONE})", (*order_id.params, event.id, account.name, [*states]))
    children = judged_by(event.type, kind)
    keys = [] if is_adopted else [event_key(account, event)]
    if link[0]:
        keys.append(("payment", *link))
    _, deliveries, calls, links, orders, [(*below, is_forgotten, has_waiting)] = ask(
        lock(*keys),
        delivery_of(account, event),
        select_rows(StripeCall, Statement(THE_CALL, call)),
        select_rows(PaymentLink, Statement(THE_LINK, link)),
        OrderAggregate.locking(to_lock),
        OrderAggregate.below(
            order_id,
            children,
            Statement(IS_FORGOTTEN, (FORGOTTEN,)),
            Statement(HAS_WAITING, (*link, DeliveryState.WAITING)),
        ),
    )
    return Dossier(
        delivery=next(iter(rows_from(Delivery, deliveries, without=PAYLOAD)), None),
        call=next(iter(rows_from(StripeCall, calls)), None),
        link=next(iter(rows_from(PaymentLink, links)), None),
        order=OrderAggregate.loaded(orders, below, children),
        is_forgotten=is_forgotten,
        has_waiting=has_waiting,
    )


def judged_by(event_type: str, kind: str) -> Sequence[type[Model]]:
    """The rows below the order that its decision looks at: a refund may be of lines, a hint changes nothing."""
    if event_type in HINTS:
        return ()
    return (*JUDGED_BY, RefundRequest, OrderLine) if kind == "refund" else JUDGED_BY
