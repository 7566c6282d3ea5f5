"""Giving money back: asked for by us or at Stripe's dashboard, and told the same way."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4, uuid5

from billing.accounts import account_named, why_unserved
from billing.gateway.calls import Body, Reply, completes, settle_call
from billing.gateway.errors import refusal_of
from billing.gateway.refunds import Refunds
from billing.models import OPEN_STATES, CallState, StripeCall
from billing.services import call_id_in, resolve_call
from orders.decisions.approving import (
    allowance,
    approval_named,
    decide_approving,
    decide_declining,
    decide_refunding,
    refuse_unless_the_same,
)
from orders.decisions.money import decide_news, decide_settlement
from orders.decisions.refunding import (
    STRIPE_REASONS,
    OrderNotRefundable,
    Refundable,
    RefundableLine,
    UnderWay,
    WantedRefund,
    refundable,
    refundable_lines,
    surplus_parts,
    surplus_to_return,
)
from orders.events import (
    OrderRefundApprovalRequested,
    OrderRefundRequested,
    OrderRefundUpdated,
    RefundedLine,
    RefundPart,
)
from orders.models import ApprovalState, Order, RefundRequest
from orders.projections import OrderAggregate
from orders.services.authority import present_authority
from orders.services.closing import order_behind
from orders.services.loading import locked_order
from orders.services.refusals import refusals_on_record

CREATE_REFUND = "refunds.create"


@dataclass(frozen=True, kw_only=True)
class Returnable:
    """Every payment that came in, those of which something can be given back, and which parts of those are surplus.

    Parts are in minor units. `lines` are the order's, with what is left of each. `under_way` says that something is on
    its way back and not answered for yet. `alone` is what who looks may give back without a second person, by currency;
    None: any amount.
    """

    payments: list[Refundable]
    left: list[Refundable]
    surplus: list[tuple[Refundable, int]]
    lines: list[RefundableLine]
    under_way: bool
    alone: dict[str, int | None]

    @property
    def surplus_amount(self) -> int:
        return sum(part for _, part in self.surplus)


def returnable(order: OrderAggregate, *, besides: str = "") -> Returnable:
    """Read without a lock, for a page: the service looks again. An account that is gone can give nothing back.

    The lines are as they were without the request of the id `besides`, so that a form that is sent twice reads alike.
    """
    under_way = refunds_under_way(order.root)
    payments = refundable(order, under_way)
    authority = present_authority()
    return Returnable(
        payments=payments,
        left=[payment for payment in payments if payment.left and is_served(payment)],
        surplus=[part for part in surplus_parts(order, under_way) if is_served(part[0])],
        lines=refundable_lines(order, under_way, besides=besides),
        under_way=bool(under_way.calls),
        alone={
            currency: allowance(order, authority, currency, under_way)
            for currency in {payment.currency for payment in payments}
        },
    )


def is_served(payment: Refundable) -> bool:
    return not why_unserved(payment.account, livemode=payment.livemode)


@refusals_on_record
def refund_payment(
    *,
    order_id: int,
    payment_intent: str,
    amount: int,
    reason: str,
    call_id: UUID | None = None,
    lines: Sequence[RefundedLine] = (),
) -> bool:
    """Give `amount` (minor units) of one payment back, of `lines` where they are named; `reason` is one of
    orders.decisions.refunding.REASONS. False: it is above what this person may give back alone, and waits for another.

    `call_id` names the request: the same one again does nothing twice. Raises NotFound, OrderNotRefundable,
    AccountNotConfigured, StripeRefused or StripeUnreachable; in the last case the refund may still be made, and the
    order will tell.
    """
    call_id = call_id or uuid4()
    part = RefundPart(payment_intent=payment_intent, amount=amount)
    wanted = WantedRefund(parts=(part,), reason=reason, lines=tuple(lines))
    with locked_order(order_id) as order:
        calls = calls_made(order, wanted, call_id) or ask_for(order, wanted, call_id, {payment_intent: str(call_id)})
    carry_out(calls)
    return bool(calls)


def calls_made(order: OrderAggregate, wanted: WantedRefund, call_id: UUID) -> list[StripeCall]:
    """The call that this very request has made already; raises OrderNotRefundable where it asks for something else."""
    call = StripeCall.objects.filter(pk=call_id).first()
    if call is None:
        return []
    asked = next((one for one in order.refund_requests if one.call_id == str(call_id)), None)
    if asked is None or wanted_before(asked) != wanted:
        raise OrderNotRefundable(order_id=order.root.pk, reason="asked_differently")
    account_named(call.account, livemode=order.root.livemode)
    return [call]


def wanted_before(asked: RefundRequest) -> WantedRefund:
    part = RefundPart(payment_intent=asked.payment_intent, amount=asked.amount)
    return WantedRefund(parts=(part,), reason=asked.reason, lines=asked.refunded_lines)


@refusals_on_record
def return_surplus(*, order_id: int, amount: int, call_id: UUID) -> bool:
    """Give all surplus back, by a refund of each payment that it takes; `amount` (minor units) must be all of it.

    `call_id` names the request, and the id of each refund's call follows from it. Answers and raises as
    `refund_payment` does, having tried every refund.
    """
    with locked_order(order_id) as order:
        call_ids = calls_of(order, call_id)
        calls = list(StripeCall.objects.filter(pk__in=call_ids.values(), subject=order.root.stream))
        if not calls and not is_asked_for(order, call_id):
            wanted = surplus_to_return(order, amount=amount, under_way=refunds_under_way(order.root))
            calls = ask_for(order, wanted, call_id, call_ids)
    carry_out(calls)
    return bool(calls)


def is_asked_for(order: OrderAggregate, request_id: UUID) -> bool:
    return any(approval.approval == str(request_id) for approval in order.approvals)


def calls_of(order: OrderAggregate, request_id: UUID) -> dict[str, str]:
    """By PaymentIntent, the id of the call by which a request gives back some of it."""
    return {payment.payment_intent: str(uuid5(request_id, payment.payment_intent)) for payment in order.payments}


def ask_for(
    order: OrderAggregate, wanted: WantedRefund, request_id: UUID, call_ids: Mapping[str, str]
) -> list[StripeCall]:
    """The calls that give it back, on record; none where it waits for a second person."""
    known = next((approval for approval in order.approvals if approval.approval == str(request_id)), None)
    if known is not None:
        refuse_unless_the_same(order, known, wanted)
        return []
    decided = decide_refunding(
        order,
        wanted,
        request_id=str(request_id),
        call_ids=call_ids,
        authority=present_authority(),
        under_way=refunds_under_way(order.root),
    )
    return intend_refunds(order, decided)


@refusals_on_record
def approve_refund(*, order_id: int, approval: UUID) -> None:
    """A second person agrees: the refund is made by the calls whose ids follow from the approval's, if it still can be.

    Approving again does nothing twice. Raises ApprovalNotDecidable, and what `refund_payment` raises.
    """
    with locked_order(order_id) as order:
        call_ids = calls_of(order, approval)
        asked = approval_named(order, str(approval))
        calls = list(StripeCall.objects.filter(pk__in=call_ids.values(), subject=order.root.stream))
        authority = present_authority()
        if not calls or asked.decided_by != authority.actor:
            approved, requested = decide_approving(
                order, asked, call_ids=call_ids, authority=authority, under_way=refunds_under_way(order.root)
            )
            order.record(approved)
            calls = intend_refunds(order, requested)
    carry_out(calls)


@refusals_on_record
def decline_refund(*, order_id: int, approval: UUID) -> None:
    """A second person says no; saying so again does nothing. Raises NotFound or ApprovalNotDecidable."""
    with locked_order(order_id) as order:
        asked, authority = approval_named(order, str(approval)), present_authority()
        if (asked.state, asked.decided_by) != (ApprovalState.DECLINED, authority.actor):
            order.record(decide_declining(order, asked, authority=authority))


def refunds_under_way(order: Order) -> UnderWay:
    """What was asked for and not answered yet."""
    asked: Counter[str] = Counter()
    calls = StripeCall.objects.filter(subject=order.stream, operation=CREATE_REFUND, state__in=OPEN_STATES)
    ids = {str(call.pk) for call in calls}
    for call in calls:
        asked[call.body["payment_intent"]] += call.body["amount"]
    return UnderWay(amounts=asked, calls=ids)


def intend_refunds(
    order: OrderAggregate, decided: Sequence[OrderRefundRequested | OrderRefundApprovalRequested]
) -> list[StripeCall]:
    """Put refunds on record, with the order and as calls, in the transaction that holds the order's lock."""
    payments = {payment.payment_intent: payment for payment in order.payments}
    order.record(*decided)
    order.save()
    calls = []
    for requested in decided:
        if isinstance(requested, OrderRefundRequested):
            payment = payments[requested.payment_intent]
            refunds = Refunds(account_named(payment.account, livemode=payment.livemode))
            body = refund_body(order.root.pk, requested)
            call_id = UUID(requested.call_id)
            calls.append(refunds.intend("create", call_id=call_id, body=body, subject=order.root.stream))
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
        call_id=str(call_id_in(refund.get("metadata")) or ""),
    )
