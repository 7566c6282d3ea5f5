"""Giving money back: asked for by us or at Stripe's dashboard, and told the same way."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4, uuid5

from billing.accounts import account_named, why_unserved
from billing.gateway.calls import Body, Reply, completes, settle_call
from billing.gateway.errors import refusal_of
from billing.gateway.refunds import Refunds
from billing.models import OPEN_STATES, CallState, StripeCall
from billing.services import resolve_call
from orders.decisions.money import decide_news, decide_settlement
from orders.decisions.refunding import (
    STRIPE_REASONS,
    OrderNotRefundable,
    Refundable,
    decide_refunding,
    decide_returning_surplus,
    refundable,
    surplus_parts,
)
from orders.events import OrderRefundRequested, OrderRefundUpdated
from orders.models import Order
from orders.projections import OrderAggregate
from orders.services.closing import order_behind
from orders.services.loading import locked_order
from orders.services.refusals import refusals_on_record

CREATE_REFUND = "refunds.create"


@dataclass(frozen=True, kw_only=True)
class Returnable:
    """Every payment that came in, those of which something can be given back, and which parts of those are surplus.

    Parts are in minor units. `under_way` says that something is on its way back and not answered for yet.
    """

    payments: list[Refundable]
    left: list[Refundable]
    surplus: list[tuple[Refundable, int]]
    under_way: bool

    @property
    def surplus_amount(self) -> int:
        return sum(part for _, part in self.surplus)


def returnable(order: Order) -> Returnable:
    """Read without a lock, for a page: the service looks again. An account that is gone can give nothing back."""
    aggregate, under_way = OrderAggregate(order, stored=True), refunds_under_way(order)
    payments = refundable(aggregate, under_way)
    return Returnable(
        payments=payments,
        left=[payment for payment in payments if payment.left and is_served(payment)],
        surplus=[part for part in surplus_parts(aggregate, under_way) if is_served(part[0])],
        under_way=bool(under_way),
    )


def is_served(payment: Refundable) -> bool:
    return not why_unserved(payment.account, livemode=payment.livemode)


@refusals_on_record
def refund_payment(
    *, order_id: int, payment_intent: str, amount: int, reason: str, call_id: UUID | None = None
) -> None:
    """Give `amount` (minor units) of one payment back; `reason` is one of orders.decisions.refunding.REASONS.

    `call_id` names the request: the same one again does nothing twice. Raises NotFound, OrderNotRefundable,
    AccountNotConfigured, StripeRefused or StripeUnreachable; in the last case the refund may still be made, and the
    order will tell.
    """
    call_id = call_id or uuid4()
    wanted = OrderRefundRequested(call_id=str(call_id), payment_intent=payment_intent, amount=amount, reason=reason)
    with locked_order(order_id) as order:
        call = StripeCall.objects.filter(pk=call_id).first()
        if call is None:
            under_way = refunds_under_way(order.root)
            decided = decide_refunding(
                order,
                payment_intent=payment_intent,
                amount=amount,
                under_way=under_way,
                reason=reason,
                call_id=str(call_id),
            )
            [call] = intend_refunds(order, [decided])
        elif (call.subject, call.body) != (order.root.stream, refund_body(order_id, wanted)):
            raise OrderNotRefundable(order_id=order_id, reason="asked_differently")
        else:
            account_named(call.account, livemode=order.root.livemode)
    carry_out([call])


@refusals_on_record
def return_surplus(*, order_id: int, amount: int, call_id: UUID) -> None:
    """Give all surplus back, by a refund of each payment that it takes; `amount` (minor units) must be all of it.

    `call_id` names the request, and the id of each refund's call follows from it. Raises as `refund_payment` does,
    having tried every refund.
    """
    with locked_order(order_id) as order:
        call_ids = {payment.payment_intent: uuid5(call_id, payment.payment_intent) for payment in order.payments}
        calls = list(StripeCall.objects.filter(pk__in=call_ids.values(), subject=order.root.stream))
        if not calls:
            decided = decide_returning_surplus(
                order,
                amount=amount,
                under_way=refunds_under_way(order.root),
                call_ids={intent: str(one) for intent, one in call_ids.items()},
            )
            calls = intend_refunds(order, decided)
    carry_out(calls)


def refunds_under_way(order: Order) -> Counter[str]:
    """By PaymentIntent, what was asked for and not answered yet, in minor units."""
    asked: Counter[str] = Counter()
    for call in StripeCall.objects.filter(subject=order.stream, operation=CREATE_REFUND, state__in=OPEN_STATES):
        asked[call.body["payment_intent"]] += call.body["amount"]
    return asked


def intend_refunds(order: OrderAggregate, decided: Sequence[OrderRefundRequested]) -> list[StripeCall]:
    """Put refunds on record, with the order and as calls, in the transaction that holds the order's lock."""
    payments = {payment.payment_intent: payment for payment in order.payments}
    order.record(*decided)
    order.save()
    calls = []
    for requested in decided:
        payment = payments[requested.payment_intent]
        refunds = Refunds(account_named(payment.account, livemode=payment.livemode))
        body = refund_body(order.root.pk, requested)
        calls.append(refunds.intend("create", call_id=UUID(requested.call_id), body=body, subject=order.root.stream))
    return calls


def refund_body(order_id: int, requested: OrderRefundRequested) -> Body:
    body: Body = {
        "payment_intent": requested.payment_intent,
        "amount": requested.amount,
        "metadata": {"order_id": str(order_id), "call_id": requested.call_id},
    }
    if requested.reason in STRIPE_REASONS:
        body["reason"] = requested.reason
    return body


def carry_out(calls: list[StripeCall]) -> None:
    """Send every one of them; then raise for the first that was not carried out, or of which nobody knows."""
    for call in calls:
        resolve_call(call)
    for call in StripeCall.objects.filter(pk__in=[call.pk for call in calls]).order_by("requested_at"):
        if call.state != CallState.SUCCEEDED:
            raise refusal_of(call)


@completes(CREATE_REFUND)
def complete_refund(call: StripeCall, reply: Reply) -> None:
    """The order learns of the refund in the transaction that settles the call, as it would from its webhook."""
    order = OrderAggregate.load_locked(order_behind(call))
    if not settle_call(call, reply) or reply.stripe_object is None:
        return
    decided = list(decide_news(order, refund_told(reply.stripe_object)))
    order.record(*decided)
    order.record(*decide_settlement(order))
    order.save()


def refund_told(refund: dict[str, Any]) -> OrderRefundUpdated:
    """A refund of Stripe's as the fact that an order learns."""
    return OrderRefundUpdated(
        refund=refund["id"],
        payment_intent=refund["payment_intent"],
        charge=refund["charge"] or "",
        status=refund["status"] or "pending",
        amount=refund["amount"],
        currency=refund["currency"],
        failure_reason=refund.get("failure_reason") or "",
    )
