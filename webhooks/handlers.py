"""The one way from an event to its order."""

from typing import NamedTuple

import structlog
from django.utils import timezone

from billing.drift import hear_of
from billing.models import StripeCall
from billing.services import call_named_in
from core.configuration import Account
from core.rows import blank_row, insert_or_update, insert_rows
from core.trips import ask, write
from orders.models import Order
from orders.projections import OrderAggregate
from orders.services.attempts import CREATE_INTENT
from orders.services.closing import order_behind
from orders.services.contacts import hear_contact
from orders.services.payments import ignore_news, record_news
from webhooks.dossier import KNOWN_BY_INTENT, OPENED_BY, Dossier
from webhooks.events import StripeEvent
from webhooks.models import DeliveryState, PaymentLink
from webhooks.readers import (
    EMAILS,
    HINTS,
    MIRRORED,
    READERS,
    TOLD_BY_ITS_SESSION,
    Origin,
    StripeObject,
    intent_of,
    what_is_unreadable,
)

log = structlog.get_logger()

OBJECT_GONE = "object_gone"


class Outcome(NamedTuple):
    """What became of a delivery; `link` is the row that it waits at, or has just linked to its order."""

    state: DeliveryState
    reason: str = ""
    order_id: int | None = None
    link: PaymentLink | None = None
    kind: str = ""


def handle_event(account: Account, event: StripeEvent, dossier: Dossier) -> Outcome:
    """Let whom an event is about learn of it, in the caller's transaction, which holds the locks of the dossier."""
    if event.type in MIRRORED:
        return handle_mirrored(account, event)
    if event.type in READERS or event.type in HINTS:
        return handle_payment(account, event, dossier)
    return Outcome(DeliveryState.IGNORED, "type_not_handled")


def handle_mirrored(account: Account, event: StripeEvent) -> Outcome:
    """A coupon or a tax rate, in whatever API version: what it is now is asked of Stripe, if it is ours."""
    if event.livemode != account.livemode:
        return Outcome(DeliveryState.IGNORED, "wrong_livemode")
    is_ours = hear_of(account, event.data.object, deleted=event.type == "coupon.deleted")
    return Outcome(DeliveryState.HANDLED) if is_ours else Outcome(DeliveryState.IGNORED, "not_ours")


def handle_payment(account: Account, event: StripeEvent, dossier: Dossier) -> Outcome:
    """Let the order that an event is about learn of it.

    An event is ours when it names a call that we have on record: its id stands in the metadata, which nobody but the
    holder of the account's key can set, and it tells two installations on one account apart. What carries no metadata
    of ours belongs to the order of its PaymentIntent, and waits until that is known.
    """
    call = dossier.call
    if reason := not_for_us(event, call, intent_of(event.data.object)):
        return Outcome(DeliveryState.IGNORED, reason)
    if call is not None and (reason := mistrust(account, event, call)):
        ignore_news(order_in(dossier), event_id=event.id, event_type=event.type, reason=reason)
        return Outcome(DeliveryState.IGNORED, reason, order_behind(call))
    order_id = order_id_in(dossier)
    if order_id is None:
        link = dossier.link or note_link(account, event)
        return Outcome(DeliveryState.WAITING, "its payment is not known yet", None, link)
    if not event.is_our_version:
        return Outcome(DeliveryState.REFUSED, "api_version", order_id, kind=str(event.data.object.get("object")))
    return tell_order(account, event, event.data.object, dossier)


def note_link(account: Account, event: StripeEvent) -> PaymentLink:
    """A row for what is heard of a payment before its order is known."""
    link = new_link(account, event.data.object)
    inserted = insert_rows([link])
    [[(link.pk,)]] = ask(inserted._replace(sql=f"{inserted.sql} RETURNING id"))
    return link


def new_link(account: Account, stripe_object: StripeObject) -> PaymentLink:
    return blank_row(PaymentLink, account=account.name, payment_intent=intent_of(stripe_object), seen_at=timezone.now())


def not_for_us(event: StripeEvent, call: StripeCall | None, intent: str) -> str:
    """Why an event concerns no order; '' when it does, or may turn out to."""
    kind = event.data.object.get("object")
    if call is None and not (kind in KNOWN_BY_INTENT and intent):
        return "not_ours"
    return "no_payment_intent" if kind == "charge" and not intent else ""


def handle_reread(account: Account, event: StripeEvent, stripe_object: StripeObject, dossier: Dossier) -> Outcome:
    """Handle an event of another API version by its object as Stripe has it now, in ours."""
    if order_id_in(dossier) is None:
        return Outcome(DeliveryState.IGNORED, "not_ours")
    return tell_order(account, event, stripe_object, dossier)


def handle_gone(event: StripeEvent, order_id: int | None) -> Outcome:
    """An event of another API version whose object Stripe has no more: there is nothing to read again, ever."""
    if order_id is not None:
        order = OrderAggregate.load_locked(order_id)
        ignore_news(order, event_id=event.id, event_type=event.type, reason=OBJECT_GONE)
    return Outcome(DeliveryState.IGNORED, OBJECT_GONE, order_id)


def tell_order(account: Account, event: StripeEvent, stripe_object: StripeObject, dossier: Dossier) -> Outcome:
    """Tell the order; a link that did not know its order yet is given it, and comes back with the outcome.

    An object that can't be read is told to no order. The delivery has failed, and is kept with the field's name: Stripe
    would post the same again, so a person has it handled once more when we can read it.
    """
    order, call = order_in(dossier), dossier.call
    link = dossier.link or (new_link(account, stripe_object) if intent_of(stripe_object) else None)
    order_id: int = order.root.pk
    if field := what_is_unreadable(event.type, stripe_object):
        log.error("delivery.unreadable", event_id=event.id, type=event.type, field=field)
        return Outcome(DeliveryState.FAILED, f"unreadable: {field}"[:255], order_id)
    origin = origin_of(call, link)
    facts = READERS[event.type](origin, stripe_object) if event.type in READERS else ()
    if facts:
        call_id = str(call.pk) if call else ""
        changed = record_news(order, event_id=event.id, event_type=event.type, call_id=call_id, facts=facts)
    else:
        reason = HINTS.get(event.type, TOLD_BY_ITS_SESSION)
        ignore_news(order, event_id=event.id, event_type=event.type, reason=reason)
        changed = False
    if event.type in EMAILS and (email := EMAILS[event.type](origin, stripe_object)):
        hear_contact(order_id=order_id, email=email)
    newly_linked = link if link is not None and link.order_id is None else None
    if newly_linked is not None:
        newly_linked.order_id = order_id
        write(insert_or_update(newly_linked, ["order_id"]))
    return Outcome(DeliveryState.HANDLED, "" if changed else "changed_nothing", order_id, newly_linked)


def order_id_in(dossier: Dossier) -> int | None:
    if dossier.call is not None:
        return order_behind(dossier.call)
    return dossier.link.order_id if dossier.link else None


def order_in(dossier: Dossier) -> OrderAggregate:
    """Raises Order.DoesNotExist where a call or a link names one that isn't there."""
    if dossier.order is None:
        raise Order.DoesNotExist
    return dossier.order


def origin_of(call: StripeCall | None, link: PaymentLink | None) -> Origin:
    if call is None:
        return Origin(link.account if link else "")
    return Origin(call.account, int(call.body["metadata"]["attempt"]), is_element=call.operation == CREATE_INTENT)


def order_told_of(account: str, event: StripeEvent) -> int | None:
    """The order that an event names, or that its payment is known to be of; nothing is locked or made."""
    call = call_named_in(event.data.object.get("metadata"), OPENED_BY.values())
    if call is not None:
        return order_behind(call)
    links = PaymentLink.objects.filter(account=account, payment_intent=intent_of(event.data.object))
    return links.values_list("order_id", flat=True).first()


def mistrust(account: Account, event: StripeEvent, call: StripeCall) -> str:
    """Why a verified event must not touch the order that it names; '' when it may."""
    if call.account != account.name:
        return "wrong_account"
    if event.livemode != account.livemode:
        return "wrong_livemode"
    tells_of_it = OPENED_BY.get(str(event.data.object.get("object"))) == call.operation
    if tells_of_it and call.object_id and call.object_id != event.object_id:
        return "wrong_session"
    return ""
