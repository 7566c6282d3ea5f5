"""Four eyes: what one person may give back alone, and who decides about more."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from django.utils.translation import gettext_noop as _

from core.configuration import ALL_OTHER_CURRENCIES
from orders.decisions.commands import CommandRefused
from orders.decisions.refunding import (
    SURPLUS,
    OrderNotRefundable,
    UnderWay,
    WantedRefund,
    refundable,
    refuse_unless_refundable,
    requests_that_stand,
)
from orders.events import (
    OrderRefundApprovalRequested,
    OrderRefundApproved,
    OrderRefundDeclined,
    OrderRefundRequested,
)
from orders.models import ApprovalState, RefundApproval
from orders.projections import OrderAggregate


class ApprovalNotDecidable(CommandRefused):
    """A refund above the limit is approved or declined once, by a second person who may."""

    code = "approval_not_decidable"
    message = _("This can't be decided: {reason}.")
    command = "decide_approval"
    words = {
        "no_such_approval": _("no such approval was asked for"),
        "already_approved": _("it was approved"),
        "already_declined": _("it was declined"),
        "not_permitted": _("you may not approve refunds above the limit"),
        "own_request": _("you asked for it yourself, so somebody else has to decide"),
    }


@dataclass(frozen=True, kw_only=True)
class Authority:
    """Who acts: `actor` as the log names them, whether they may give back any amount, and else the limits, in minor
    units by currency (`*`: of all others; none: any amount).
    """

    actor: str
    is_unlimited: bool
    limits: Mapping[str, int]

    def limit(self, currency: str) -> int | None:
        """None: any amount. A currency that the limits do not name may not be given back alone at all."""
        if self.is_unlimited or not self.limits:
            return None
        return self.limits.get(currency, self.limits.get(ALL_OTHER_CURRENCIES, 0))


def allowance(order: OrderAggregate, authority: Authority, currency: str, under_way: UnderWay) -> int | None:
    """What somebody may still give back of an order without a second person; None: any amount.

    All that staff gave back of it on their own counts, whoever it was: two operators have one limit.
    """
    limit = authority.limit(currency)
    if limit is None:
        return None
    currencies = {payment.payment_intent: payment.currency for payment in refundable(order, under_way)}
    alone = (one for one in requests_that_stand(order, under_way) if not one.approval)
    given = sum(one.amount for one in alone if currencies.get(one.payment_intent) == currency)
    return max(0, limit - given)


def decide_refunding(
    order: OrderAggregate,
    wanted: WantedRefund,
    *,
    request_id: str,
    call_ids: Mapping[str, str],
    authority: Authority,
    under_way: UnderWay,
) -> list[OrderRefundRequested] | list[OrderRefundApprovalRequested]:
    """Ask for a refund of each part, or, above the limit, for a second person; raises OrderNotRefundable.

    `request_id` would name the approval; `call_ids` are by PaymentIntent.
    """
    currency = refuse_unless_refundable(order, wanted, under_way)
    alone = allowance(order, authority, currency, under_way)
    if alone is None or wanted.amount <= alone:
        return list(requests_of(wanted, call_ids))
    if wanted.reason == SURPLUS and any(waits_as_surplus(approval) for approval in order.approvals):
        raise OrderNotRefundable(order_id=order.root.pk, reason="surplus_waits")
    asked = OrderRefundApprovalRequested(
        approval=request_id,
        parts=wanted.parts,
        lines=wanted.lines,
        reason=wanted.reason,
        amount=wanted.amount,
        currency=currency,
        asked_by=authority.actor,
    )
    return [asked]


def waits_as_surplus(approval: RefundApproval) -> bool:
    return approval.state == ApprovalState.WAITING and approval.reason == SURPLUS


def requests_of(
    wanted: WantedRefund, call_ids: Mapping[str, str], approval: str = ""
) -> Iterator[OrderRefundRequested]:
    """Lines are of one payment: what has several parts is surplus."""
    for part in wanted.parts:
        yield OrderRefundRequested(
            call_id=call_ids[part.payment_intent],
            payment_intent=part.payment_intent,
            amount=part.amount,
            reason=wanted.reason,
            lines=wanted.lines,
            approval=approval,
        )


def wanted_by(approval: RefundApproval) -> WantedRefund:
    return WantedRefund(parts=approval.refund_parts, lines=approval.refunded_lines, reason=approval.reason)


def approval_named(order: OrderAggregate, name: str) -> RefundApproval:
    """Raises ApprovalNotDecidable where there is none."""
    found = next((approval for approval in order.approvals if approval.approval == name), None)
    if found is None:
        raise ApprovalNotDecidable(order_id=order.root.pk, reason="no_such_approval")
    return found


def refuse_unless_decidable(order: OrderAggregate, approval: RefundApproval, authority: Authority) -> None:
    reasons = {
        "not_permitted": not authority.is_unlimited,
        "own_request": authority.actor == approval.asked_by,
        "already_approved": approval.state == ApprovalState.APPROVED,
        "already_declined": approval.state == ApprovalState.DECLINED,
    }
    for reason, holds in reasons.items():
        if holds:
            raise ApprovalNotDecidable(order_id=order.root.pk, reason=reason)


def decide_approving(
    order: OrderAggregate,
    approval: RefundApproval,
    *,
    call_ids: Mapping[str, str],
    authority: Authority,
    under_way: UnderWay,
) -> tuple[OrderRefundApproved, list[OrderRefundRequested]]:
    """A second person agrees, and it is refunded if it still can be: raises ApprovalNotDecidable or
    OrderNotRefundable.
    """
    refuse_unless_decidable(order, approval, authority)
    wanted = wanted_by(approval)
    refuse_unless_refundable(order, wanted, under_way)
    approved = OrderRefundApproved(
        approval=approval.approval, amount=approval.amount, currency=approval.currency, decided_by=authority.actor
    )
    return approved, list(requests_of(wanted, call_ids, approval.approval))


def decide_declining(order: OrderAggregate, approval: RefundApproval, *, authority: Authority) -> OrderRefundDeclined:
    """A second person says no; raises ApprovalNotDecidable."""
    refuse_unless_decidable(order, approval, authority)
    return OrderRefundDeclined(
        approval=approval.approval, amount=approval.amount, currency=approval.currency, decided_by=authority.actor
    )


def refuse_unless_the_same(order: OrderAggregate, approval: RefundApproval, wanted: WantedRefund) -> None:
    """A form that is sent again asks for what it asked for before, and not once it was declined; raises
    OrderNotRefundable.
    """
    if wanted_by(approval) != wanted:
        raise OrderNotRefundable(order_id=order.root.pk, reason="asked_differently")
    if approval.state == ApprovalState.DECLINED:
        raise OrderNotRefundable(order_id=order.root.pk, reason="declined")
