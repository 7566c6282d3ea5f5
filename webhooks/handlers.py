"""The one way from an event to its order."""

from typing import NamedTuple

import structlog
from django.utils import timezone

from billing.drift import hear_of
from billing.models import StripeCall
from billing.services import call_named_in
from core.configuration import Account
from orders.services.attempts import CREATE_INTENT, CREATE_SESSION
from orders.services.closing import order_behind
from orders.services.contacts import hear_contact
from orders.services.payments import ignore_news, record_news
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
# What Stripe gives no metadata of ours: it is known by its PaymentIntent, which may be heard of later.
KNOWN_BY_INTENT = ("refund", "dispute", "review")


class Outcome(NamedTuple):
    """What became of a delivery; `link` is the row that it waits at, or has just linked to its order."""

    state: DeliveryState
    reason: str = ""
    order_id: int | None = None
    link: PaymentLink | None = None
    kind: str = ""


def handle_event(account: Account, event: StripeEvent) -> Outcome:
    """Let whom an event is about learn of it, in the caller's transaction."""
    if event.type in MIRRORED:
        return handle_mirrored(account, event)
    if event.type in READERS or event.type in HINTS:
        return handle_payment(account, event)
    return Outcome(DeliveryState.IGNORED, "type_not_handled")


def handle_mirrored(account: Account, event: StripeEvent) -> Outcome:
    """A coupon or a tax rate, in whatever API version: what it is now is asked of Stripe, if it is ours."""
    if event.livemode != account.livemode:
        return Outcome(DeliveryState.IGNORED, "wrong_livemode")
    is_ours = hear_of(account, event.data.object, deleted=event.type == "coupon.deleted")
    return Outcome(DeliveryState.HANDLED) if is_ours else Outcome(DeliveryState.IGNORED, "not_ours")


def handle_payment(account: Account, event: StripeEvent) -> Outcome:
    """Let the order that an event is about learn of it.

    An event is ours when it names a call that we have on record: its id stands in the metadata, which nobody but the
    holder of the account's key can set, and it tells two installations on one account apart. What carries no metadata
    of ours belongs to the order of its PaymentIntent, and waits until that is known.

    Locks, in this order: the delivery (by the caller), the link, the order.
    """
    call = call_behind(event.data.object)
    intent = intent_of(event.data.object)
    if reason := not_for_us(event, call, intent):
        return Outcome(DeliveryState.IGNORED, reason)
    if call is not None and (reason := mistrust(account, event, call)):
        ignore_news(order_id=order_behind(call), event_id=event.id, event_type=event.type, reason=reason)
        return Outcome(DeliveryState.IGNORED, reason, order_behind(call))
    link, order_id = locate(account, intent, call)
    if order_id is None:
        return Outcome(DeliveryState.WAITING, "its payment is not known yet", None, link)
    if not event.is_our_version:
        return Outcome(DeliveryState.REFUSED, "api_version", order_id, kind=str(event.data.object.get("object")))
    return tell_order(event, event.data.object, call, order_id, link)


def not_for_us(event: StripeEvent, call: StripeCall | None, intent: str) -> str:
    """Why an event concerns no order; '' when it does, or may turn out to."""
    kind = event.data.object.get("object")
    if call is None and not (kind in KNOWN_BY_INTENT and intent):
        return "not_ours"
    return "no_payment_intent" if kind == "charge" and not intent else ""


def handle_reread(account: Account, event: StripeEvent, stripe_object: StripeObject) -> Outcome:
    """Handle an event of another API version by its object as Stripe has it now, in ours."""
    call = call_behind(stripe_object)
    link, order_id = locate(account, intent_of(stripe_object), call)
    if order_id is None:
        return Outcome(DeliveryState.IGNORED, "not_ours")
    return tell_order(event, stripe_object, call, order_id, link)


def handle_gone(event: StripeEvent, order_id: int | None) -> Outcome:
    """An event of another API version whose object Stripe has no more: there is nothing to read again, ever."""
    if order_id is not None:
        ignore_news(order_id=order_id, event_id=event.id, event_type=event.type, reason=OBJECT_GONE)
    return Outcome(DeliveryState.IGNORED, OBJECT_GONE, order_id)


def tell_order(
    event: StripeEvent, stripe_object: StripeObject, call: StripeCall | None, order_id: int, link: PaymentLink | None
) -> Outcome:
    """Tell the order; a link that did not know its order yet is given it, and comes back with the outcome.

    An object that can't be read is told to no order. The delivery has failed, and is kept with the field's name: Stripe
    would post the same again, so a person has it handled once more when we can read it.
    """
    if field := what_is_unreadable(event.type, stripe_object):
        log.error("delivery.unreadable", event_id=event.id, type=event.type, field=field)
        return Outcome(DeliveryState.FAILED, f"unreadable: {field}"[:255], order_id)
    origin = origin_of(call, link)
    facts = READERS[event.type](origin, stripe_object) if event.type in READERS else ()
    if facts:
        call_id = str(call.pk) if call else ""
        changed = record_news(order_id=order_id, event_id=event.id, event_type=event.type, call_id=call_id, facts=facts)
    else:
        reason = HINTS.get(event.type, TOLD_BY_ITS_SESSION)
        ignore_news(order_id=order_id, event_id=event.id, event_type=event.type, reason=reason)
        changed = False
    if event.type in EMAILS and (email := EMAILS[event.type](origin, stripe_object)):
        hear_contact(order_id=order_id, email=email)
    newly_linked = link if link is not None and link.order_id is None else None
    if newly_linked is not None:
        newly_linked.order_id = order_id
        newly_linked.save(update_fields=["order_id"])
    return Outcome(DeliveryState.HANDLED, "" if changed else "changed_nothing", order_id, newly_linked)


def origin_of(call: StripeCall | None, link: PaymentLink | None) -> Origin:
    if call is None:
        return Origin(link.account if link else "")
    return Origin(call.account, int(call.body["metadata"]["attempt"]), is_element=call.operation == CREATE_INTENT)


def call_behind(stripe_object: StripeObject) -> StripeCall | None:
    """The call of ours that opened the checkout which a Session, PaymentIntent or Charge belongs to."""
    return call_named_in(stripe_object.get("metadata"), [CREATE_SESSION, CREATE_INTENT])


def order_told_of(account: str, event: StripeEvent) -> int | None:
    """The order that an event names, or that its payment is known to be of; nothing is locked or made."""
    call = call_behind(event.data.object)
    if call is not None:
        return order_behind(call)
    links = PaymentLink.objects.filter(account=account, payment_intent=intent_of(event.data.object))
    return links.values_list("order_id", flat=True).first()


def locate(account: Account, intent: str, call: StripeCall | None) -> tuple[PaymentLink | None, int | None]:
    """The link of a PaymentIntent, locked, where there is one; and the order, by the call or else by the link."""
    link = lock_link(account, intent) if intent else None
    return link, order_behind(call) if call else link.order_id if link else None


def lock_link(account: Account, payment_intent: str) -> PaymentLink:
    """The row of a PaymentIntent, made if need be, locked: what is about one payment comes one after another."""
    link = PaymentLink(account=account.name, payment_intent=payment_intent, seen_at=timezone.now())
    PaymentLink.objects.bulk_create([link], ignore_conflicts=True)
    return PaymentLink.objects.select_for_update().get(account=account.name, payment_intent=payment_intent)


def mistrust(account: Account, event: StripeEvent, call: StripeCall) -> str:
    """Why a verified event must not touch the order that it names; '' when it may."""
    if call.account != account.name:
        return "wrong_account"
    if event.livemode != account.livemode:
        return "wrong_livemode"
    opened = {"checkout.session": CREATE_SESSION, "payment_intent": CREATE_INTENT}
    tells_of_it = opened.get(str(event.data.object.get("object"))) == call.operation
    if tells_of_it and call.object_id and call.object_id != event.object_id:
        return "wrong_session"
    return ""
