"""What a delivery is about: locked in the one order (delivery, link, order), and read behind the locks, in one trip.

A statement that waits for a lock sees other rows as they were before it waited. So each lock has a statement of its
own, and what it guards is read by later ones. A duplicate locks nothing: all locks ask whether the delivery is undone.
"""

from collections.abc import Collection, Sequence
from typing import NamedTuple

from django.db.models import Model
from django.utils import timezone

from billing.models import StripeCall
from billing.services import call_id_in
from core.configuration import Account
from core.pipeline import Row, Statement
from core.rows import insert_unless_there, rows_from, select_rows
from core.trips import ask
from orders.models import FORGOTTEN, Order, OrderLine, RefundRequest
from orders.projections import OrderAggregate
from orders.services.attempts import CREATE_INTENT, CREATE_SESSION
from orders.services.payments import JUDGED_BY
from webhooks.events import StripeEvent
from webhooks.models import Delivery, DeliverySource, DeliveryState, PaymentLink
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
IS_UNDONE = f"EXISTS (SELECT FROM webhooks_delivery WHERE {THE_DELIVERY} AND state = ANY(%s))"
# Of the call that opened its checkout, else of its payment.
ORDER_ID = (
    f"COALESCE((SELECT substr(subject, {len(Order.stream_of('')) + 1})::bigint FROM billing_stripecall"
    f" WHERE {THE_CALL}), (SELECT order_id FROM webhooks_paymentlink WHERE {THE_LINK}))"
)
# For what may become an order's: not for another installation's payments, nor for what is mistrusted.
MAKE_LINK = (
    f"INSERT INTO webhooks_paymentlink (payment_intent, account, seen_at) SELECT %s, %s, %s WHERE {IS_UNDONE}"
    f" AND (%s OR %s AND EXISTS (SELECT FROM billing_stripecall WHERE {THE_CALL} AND account = %s"
    " AND (object_id IN ('', %s) OR operation <> %s))) ON CONFLICT DO NOTHING"
)
IS_FORGOTTEN = f"EXISTS (SELECT FROM orders_contact WHERE order_id = {ORDER_ID} AND email = %s)"
HAS_WAITING = (
    "EXISTS (SELECT FROM webhooks_delivery JOIN webhooks_paymentlink link ON link.id = link_id"
    " WHERE link.payment_intent = %s AND link.account = %s AND state = %s)"
)


class Dossier(NamedTuple):
    """The call that opened the checkout which an event belongs to, the link of its payment, and its order, as far as
    there are any; whether who ordered was forgotten, and whether deliveries wait for the payment.
    """

    call: StripeCall | None = None
    link: PaymentLink | None = None
    order: OrderAggregate | None = None
    is_forgotten: bool = False
    has_waiting: bool = False


NOBODYS = Dossier()


def claimable(event: StripeEvent) -> list[DeliveryState]:
    """In which states a delivery that is posted is handled; in all others it was, or waits for something else."""
    return [*UNDONE, DeliveryState.REFUSED] if event.is_our_version else UNDONE


def claiming_statements(
    account: Account, event: StripeEvent, payload: bytes, source: DeliverySource, states: Collection[DeliveryState]
) -> list[Statement]:
    """The last one reads it. That a signature came after the backfill is to be noted, so it is locked for that, too."""
    received = Delivery(
        account=account.name,
        event_id=event.id,
        type=event.type,
        api_version=event.api_version or "",
        livemode=event.livemode,
        object_id=event.object_id,
        payload=payload,
        source=source,
        created_at=event.created_at,
        received_at=timezone.now(),
    )
    key = (event.id, account.name)
    to_note = DeliverySource.BACKFILL if source == DeliverySource.WEBHOOK else ""
    lock = f"SELECT FROM webhooks_delivery WHERE {THE_DELIVERY} AND (state = ANY(%s) OR source = %s) FOR UPDATE"
    return [
        insert_unless_there(received, Statement(THE_DELIVERY, key)),
        Statement(lock, (*key, [*states], to_note)),
        select_rows(Delivery, Statement(THE_DELIVERY, key), without=PAYLOAD),
    ]


class Inquiry(NamedTuple):
    """The statements that lock and read what an event is about, and how what they bring is read."""

    statements: list[Statement]
    children: Sequence[type[Model]]

    @classmethod
    def about(
        cls, account: Account, event: StripeEvent, stripe_object: StripeObject, states: Collection[DeliveryState]
    ) -> "Inquiry":
        """Nothing is locked unless the delivery is in one of these states."""
        if event.type not in READERS and event.type not in HINTS:
            return cls([], ())
        kind, intent = str(stripe_object.get("object")), intent_of(stripe_object)
        undone = (event.id, account.name, [*states])
        call = (call_id_in(stripe_object.get("metadata")),)
        link = (intent, account.name)
        speaks_of_intent = kind in KNOWN_BY_INTENT and bool(intent)
        speaks_of_call = event.livemode == account.livemode and bool(intent)
        may_open = (account.name, event.object_id, OPENED_BY.get(kind, ""))
        making = (*link, timezone.now(), *undone, speaks_of_intent, speaks_of_call, *call, *may_open)
        lock_link = Statement(f"{THE_LINK} AND {IS_UNDONE}", (*link, *undone))
        order_id = Statement(ORDER_ID, (*call, *link))
        to_lock = Statement(f"(SELECT {ORDER_ID} WHERE {IS_UNDONE})", (*order_id.params, *undone))
        circumstances = (*order_id.params, FORGOTTEN, *link, DeliveryState.WAITING)
        children = judged_by(event.type, kind)
        return cls(
            [
                select_rows(StripeCall, Statement(THE_CALL, call)),
                Statement(MAKE_LINK, making),
                select_rows(PaymentLink, lock_link, locked=True),
                OrderAggregate.locking(to_lock),
                *(OrderAggregate.below(order_id, model) for model in children),
                Statement(f"SELECT {IS_FORGOTTEN}, {HAS_WAITING}", circumstances),
            ],
            children,
        )

    def read(self, found: Sequence[Sequence[Row]]) -> Dossier:
        if not found:
            return NOBODYS
        calls, _, links, *order, [(is_forgotten, has_waiting)] = found
        return Dossier(
            call=next(iter(rows_from(StripeCall, calls)), None),
            link=next(iter(rows_from(PaymentLink, links)), None),
            order=OrderAggregate.loaded(order, self.children),
            is_forgotten=is_forgotten,
            has_waiting=has_waiting,
        )


def judged_by(event_type: str, kind: str) -> Sequence[type[Model]]:
    """The rows below the order that its decision looks at: a refund may be of lines, a hint changes nothing."""
    if event_type in HINTS:
        return ()
    return (*JUDGED_BY, RefundRequest, OrderLine) if kind == "refund" else JUDGED_BY


def open_dossier(account: Account, event: StripeEvent, stripe_object: StripeObject, state: DeliveryState) -> Dossier:
    """What a delivery is about whose row, in this state, the caller has locked."""
    inquiry = Inquiry.about(account, event, stripe_object, [state])
    return inquiry.read(ask(*inquiry.statements)) if inquiry.statements else NOBODYS


NOTHING = Inquiry([], ())


def claim_delivery(
    account: Account, event: StripeEvent, payload: bytes, source: DeliverySource, inquiry: Inquiry = NOTHING
) -> tuple[Delivery, Dossier]:
    """The event's one row, locked if it is to be handled, and what is inquired about it.

    A concurrent post of the event waits here until the first one's transaction ends. A duplicate writes nothing.
    """
    claiming = claiming_statements(account, event, payload, source, claimable(event))
    found = ask(*claiming, *inquiry.statements)
    [delivery] = rows_from(Delivery, found[len(claiming) - 1], without=PAYLOAD)
    return delivery, inquiry.read(found[len(claiming) :])
