"""Opening a Checkout Session: intent and order in one transaction, the call in none, its outcome and the order in a
second one.
"""

from collections.abc import Iterable
from typing import Any
from uuid import uuid4

from billing.accounts import account_named
from billing.counterparts import Counterparts, counterparts_for
from billing.gateway.calls import Body, Reply, completes, settle_call
from billing.gateway.sessions import Sessions, session_body
from billing.limits import MAXIMUM_LINES
from billing.models import StripeCall
from billing.quotes import Quote, QuotedLine, QuotedTax
from billing.services import try_or_wait
from orders.decisions.checkouts import decide_opening, is_payable
from orders.decisions.comparing import decide_adopting
from orders.decisions.placing import OrderNotPayable
from orders.events import OrderCheckoutOpened, OrderQuoteAdopted, OrderQuoteMismatched
from orders.links import order_url
from orders.models import Checkout, CheckoutState, Order, OrderLine, OrderState
from orders.projections import OrderAggregate
from orders.quote import quote_order
from orders.services.attempts import (
    CREATE_SESSION,
    SAYS_PAYABLE,
    is_undecided,
    metadata_of,
    next_attempt,
    opened_by,
    read_attempt,
    ready_attempt,
)
from orders.services.closing import (
    close_at_stripe,
    intend_closing_of,
    intend_expiry,
    order_behind,
    record_closing,
)
from orders.services.loading import locked_order
from orders.services.refusals import refusals_on_record


@refusals_on_record
def open_checkout(*, order_id: int) -> Checkout:
    """The order's one open Session, opened at Stripe if there is none.

    Raises NotFound, OrderNotPayable, StripeRefused, StripeUnreachable.
    """
    with locked_order(order_id, *SAYS_PAYABLE) as order:
        ready = ready_attempt(order, CREATE_SESSION)
    if ready is None:
        counterparts = counterparts_of(order.root, order.lines)
        with locked_order(order_id, *SAYS_PAYABLE) as order:
            ready = ready_attempt(order, CREATE_SESSION)
            ready = ready or intend_session(order, counterparts, attempt=next_attempt(order.root))
    return ready if isinstance(ready, Checkout) else finish_opening(ready, order_id)


def counterparts_of(order: Order, lines: Iterable[OrderLine]) -> Counterparts:
    """The coupon and tax rates at Stripe that a Session of this order needs; what is missing there is made first.

    No transaction may be open. Raises StripeRefused, StripeUnreachable.
    """
    taxes = {terms for line in lines for terms in line.tax_terms}
    return counterparts_for(account=order.account, discount=order.discount_applied, taxes=taxes)


def intend_session(order: OrderAggregate, counterparts: Counterparts, *, attempt: int) -> StripeCall:
    root = order.root
    call_id = uuid4()
    try:
        body = session_body(
            quote_order(root, order.lines),
            coupons=counterparts.coupons,
            tax_rates=counterparts.tax_rates,
            success_url=order_url(root, returned="1"),
            cancel_url=order_url(root),
            metadata=metadata_of(root, attempt, call_id),
            language=root.language,
        )
    except KeyError:
        # Another request has changed it since the counterparts were asked for.
        raise OrderNotPayable(order_id=root.pk, reason="changed_in_another_tab") from None
    return Sessions(account_named(root.account, livemode=root.livemode)).intend(
        "create", call_id=call_id, body=body, subject=root.stream
    )


def finish_opening(call: StripeCall, order_id: int) -> Checkout:
    """Send the call (again) and answer with the Session that it opened, once its amounts are the order's."""
    try_or_wait(call)
    attempted = read_attempt(call.pk, order_id)
    if is_undecided(attempted.order, attempted.call):
        compare_lines(attempted.call, order_id)
        attempted = read_attempt(call.pk, order_id)
    return opened_by(attempted)


@completes(CREATE_SESSION)
def complete_session_creation(call: StripeCall, reply: Reply) -> None:
    """The order learns of its Session in the transaction that settles the call.

    A Session that would charge something else, or of an order that is no longer waiting for money, is expired.
    """
    order = OrderAggregate.load_locked(order_behind(call), *SAYS_PAYABLE)
    if not settle_call(call, reply) or reply.stripe_object is None:
        return
    session = reply.stripe_object
    facts = list(decide_opening(order, opening_of(call, session), charged_by(session)))
    order.record(*facts)
    close_if_over(order, session)
    overcharges = any(isinstance(fact, OrderQuoteMismatched) for fact in facts)
    known = next((one for one in order.checkouts if one.session_id == session["id"]), None)
    is_open = known is None or known.state == CheckoutState.OPEN
    if overcharges or (is_open and order.root.state != OrderState.PENDING):
        intend_expiry(order.root, session["id"])


def compare_lines(call: StripeCall, order_id: int) -> None:
    """Stripe's sums are apart from the quote by no more than rounding: adopt them, if its lines say so too.

    What is open beside, at the amount of before, is closed first; where that can't be done, since it is being paid, the
    Session is expired. Raises StripeRefused, StripeUnreachable.
    """
    sessions = Sessions(account_named(call.account))
    session = sessions.read("retrieve", target=call.object_id, subject=call.subject)
    page = {"limit": MAXIMUM_LINES, "expand": ["data.taxes"]}
    listed = sessions.read("list_line_items", target=call.object_id, body=page, subject=call.subject)
    close_others(call, order_id)
    with OrderAggregate.locked(order_id) as order:
        if not is_undecided(order, call):
            return
        facts: list[object] = []
        if is_payable(order) and not order.open_checkouts:
            facts += decide_adopting(order, opening_of(call, session), lines_charged(order, call, listed["data"]))
        order.record(*facts)
        close_if_over(order, session)
        if not any(isinstance(fact, OrderQuoteAdopted) for fact in facts):
            intend_expiry(order.root, session["id"])


def close_if_over(order: OrderAggregate, session: Body) -> None:
    """A Session that was learnt of late may have expired, unheard: nobody is to be sent there."""
    order.save()
    if session["status"] == "expired":
        record_closing(order, session["id"], CheckoutState.EXPIRED)


def close_others(call: StripeCall, order_id: int) -> None:
    """Close what is open beside an undecided Session, at the amount that it is about to change. Raises
    StripeUnreachable.
    """
    with locked_order(order_id) as order:
        others = order.open_checkouts if is_undecided(order, call) else []
        closings = [intend_closing_of(order.root, checkout) for checkout in others]
    for closing in closings:
        close_at_stripe(order_id, closing)


def lines_charged(order: OrderAggregate, call: StripeCall, listed: list[dict[str, Any]]) -> tuple[QuotedLine, ...]:
    """The order's lines in Stripe's amounts; what Stripe lists otherwise than it was sent is left out."""
    ours = {str(line.item_id): line for line in order.lines}
    rates = {sent["metadata"]["item"]: sent.get("tax_rates", []) for sent in call.body["line_items"]}
    charged = []
    for theirs in listed:
        item = (theirs["metadata"] or {}).get("item", "")
        if item not in ours:
            continue
        amounts = {tax["rate"]["id"]: tax["amount"] for tax in theirs.get("taxes") or []}
        terms = zip(ours[item].tax_terms, rates[item], strict=True)
        charged.append(
            QuotedLine(
                item=ours[item].item_id,
                name=ours[item].name,
                quantity=theirs["quantity"],
                unit_amount=theirs["price"]["unit_amount"],
                subtotal=theirs["amount_subtotal"],
                discount=theirs["amount_discount"],
                tax=theirs["amount_tax"],
                total=theirs["amount_total"],
                taxes=tuple(QuotedTax(terms=term, amount=amounts.get(rate, 0)) for term, rate in terms),
            )
        )
    return tuple(charged)


def opening_of(call: StripeCall, session: Body) -> OrderCheckoutOpened:
    return OrderCheckoutOpened(
        attempt=int(call.body["metadata"]["attempt"]),
        call_id=str(call.pk),
        session_id=session["id"],
        url=session["url"] or "",
        expires_at=session["expires_at"],
    )


def charged_by(session: Body) -> Quote:
    """What Stripe says that it will charge; of a quote's parts it has no lines."""
    details = session["total_details"] or {}
    return Quote(
        currency=session["currency"],
        lines=(),
        subtotal=session["amount_subtotal"],
        discount=details.get("amount_discount", 0),
        tax=details.get("amount_tax", 0),
        total=session["amount_total"],
    )
