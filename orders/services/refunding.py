"""Giving money back: asked for by us or at Stripe's dashboard, and told the same way."""

from typing import Any
from uuid import UUID, uuid4

from django.db import transaction

from billing.accounts import account_named
from billing.gateway.calls import Body, Reply, completes, settle_call
from billing.gateway.errors import refusal_of
from billing.gateway.refunds import Refunds
from billing.models import OPEN_STATES, CallState, StripeCall
from billing.services import resolve_call
from core.refusals import NotFound
from orders.decisions.money import decide_news, decide_settlement
from orders.decisions.refunding import STRIPE_REASONS, decide_refunding
from orders.events import OrderRefundUpdated
from orders.models import Order
from orders.projections import OrderAggregate
from orders.services.closing import order_behind
from orders.services.refusals import refusals_on_record

CREATE_REFUND = "refunds.create"


@refusals_on_record
def refund_payment(
    *, order_id: int, payment_intent: str, amount: int, reason: str, call_id: UUID | None = None
) -> None:
    """Give `amount` (minor units) of one payment back; `reason` is one of orders.decisions.refunding.REASONS.

    `call_id` names the request: the same one again does nothing twice. Raises NotFound, OrderNotRefundable,
    StripeRefused or StripeUnreachable; in the last case the refund may still be made, and the order will tell.
    """
    call_id = call_id or uuid4()
    with transaction.atomic(durable=True):
        try:
            order = OrderAggregate.load_locked(order_id)
        except Order.DoesNotExist:
            raise NotFound from None
        call = StripeCall.objects.filter(pk=call_id).first()
        if call is None:
            order.record(
                decide_refunding(
                    order,
                    payment_intent=payment_intent,
                    amount=amount,
                    under_way=refunds_under_way(order.root, payment_intent),
                    reason=reason,
                    call_id=str(call_id),
                )
            )
            order.save()
            body: Body = {
                "payment_intent": payment_intent,
                "amount": amount,
                "metadata": {"order_id": str(order_id), "call_id": str(call_id)},
            }
            if reason in STRIPE_REASONS:
                body["reason"] = reason
            refunds = Refunds(account_named(order.root.account))
            call = refunds.intend("create", call_id=call_id, body=body, subject=order.root.stream)
    resolve_call(call)
    call.refresh_from_db()
    if call.state != CallState.SUCCEEDED:
        raise refusal_of(call)


def refunds_under_way(order: Order, payment_intent: str) -> int:
    """What was asked for and not answered yet, in minor units."""
    calls = StripeCall.objects.filter(subject=order.stream, operation=CREATE_REFUND, state__in=OPEN_STATES)
    return sum(call.body["amount"] for call in calls if call.body["payment_intent"] == payment_intent)


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
