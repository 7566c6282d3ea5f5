"""Refunding: no more than what came in by that payment, or than a line cost, and was not given back."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from django.utils.translation import gettext_noop as _

from core.money import step
from orders import sums
from orders.decisions.commands import CommandRefused
from orders.events import RefundedLine, RefundPart
from orders.models import OrderLine, Payment, RefundRequest
from orders.projections import OrderAggregate

# Stripe's own (docs.stripe.com/api/refunds/create), and one of ours: more came in than was due.
STRIPE_REASONS = ("requested_by_customer", "duplicate", "fraudulent")
SURPLUS = "surplus"
REASONS = (*STRIPE_REASONS, SURPLUS)


class OrderNotRefundable(CommandRefused):
    """The payment has no such amount left to give back."""

    code = "not_refundable"
    message = _("This can't be refunded: {reason}.")
    command = "refund"
    words = {
        "unknown_reason": _("its reason is none that a refund can have"),
        "no_such_payment": _("no such payment came in"),
        "not_left": _("{amount} is left of this payment"),
        "asked_differently": _("another refund was asked for under the same id"),
        "no_surplus": _("no more came in than is due"),
        "surplus_changed": _("the surplus is {amount} now"),
        "no_such_line": _("the order has no such line"),
        "line_not_left": _("{amount} is left of this line"),
        "units_not_left": _("not so many of this line are left"),
        "lines_differ": _("its lines do not add up to its amount"),
        "not_counted": _("this payment is not counted, so it paid no line"),
        "declined": _("it was declined"),
        "surplus_waits": _("its surplus waits for a second person already"),
    }


@dataclass(frozen=True, kw_only=True)
class Refundable:
    """What is left of one payment: `left` in minor units of its own currency, which may be a wrong one.

    `is_counted` says that it is verified money of its order; other money is not ours, and can be given back too.
    """

    payment_intent: str
    account: str
    livemode: bool
    currency: str
    left: int
    is_counted: bool
    came_in: datetime


@dataclass(frozen=True, kw_only=True)
class RefundableLine:
    """What is left of one line: `units` of its `quantity`, and `left` of its `total`, in minor units."""

    item: int
    name: str
    quantity: int
    total: int
    units: int
    left: int
    step: int

    def amount_of(self, units: int) -> int:
        """What so many units cost, rounded down; the last ones take what is left."""
        if units == self.units:
            return self.left
        given = self.quantity - self.units
        before, after = (
            self.total * count // self.quantity // self.step * self.step for count in (given, given + units)
        )
        return min(after - before, self.left)


@dataclass(frozen=True, kw_only=True)
class UnderWay:
    """What was asked of Stripe and not answered yet: by PaymentIntent in minor units, and the ids of those calls."""

    amounts: Mapping[str, int]
    calls: Collection[str]


NOTHING_UNDER_WAY = UnderWay(amounts={}, calls=())


@dataclass(frozen=True, kw_only=True)
class WantedRefund:
    """What somebody wants to give back, for one of REASONS; `lines` add up to the parts, or are none."""

    parts: tuple[RefundPart, ...]
    reason: str
    lines: tuple[RefundedLine, ...] = ()

    @property
    def amount(self) -> int:
        return sum(part.amount for part in self.parts)


def refundable(order: OrderAggregate, under_way: UnderWay) -> list[Refundable]:
    """Every payment that came in, the newest first."""
    words = sums.succeeded_words(order.payments)
    found = [left_of(order, of_intent, under_way.amounts.get(intent, 0)) for intent, of_intent in words.items()]
    return sorted(found, key=lambda payment: (payment.came_in, payment.payment_intent), reverse=True)


def left_of(order: OrderAggregate, words: list[Payment], under_way: int) -> Refundable:
    best = sums.best_word(words)
    given = sum(
        refund.amount
        for refund in order.refunds
        if refund.payment_intent == best.payment_intent and refund.status not in sums.REFUNDS_UNDONE
    )
    return Refundable(
        payment_intent=best.payment_intent,
        account=best.account,
        livemode=best.livemode,
        currency=best.currency,
        left=max(0, best.amount - given - under_way),
        is_counted=order.root.counts(best),
        came_in=min(word.updated_at for word in words),
    )


def requests_that_stand(order: OrderAggregate, under_way: UnderWay) -> list[RefundRequest]:
    """What we asked for, and Stripe gave back, is giving back, or has not answered about."""
    made = {refund.call_id: refund.status not in sums.REFUNDS_UNDONE for refund in order.refunds}
    return [one for one in order.refund_requests if made.get(one.call_id, one.call_id in under_way.calls)]


def refundable_lines(order: OrderAggregate, under_way: UnderWay, *, besides: str = "") -> list[RefundableLine]:
    """Every line, with what of it was neither given nor asked back, `besides` the request of that id."""
    requests = (one for one in requests_that_stand(order, under_way) if one.call_id != besides)
    parts = [part for request in requests for part in request.refunded_lines]
    return [
        line_left(line, [part for part in parts if part.item == line.item_id], order.root.currency)
        for line in order.lines
    ]


def line_left(line: OrderLine, given: list[RefundedLine], currency: str) -> RefundableLine:
    return RefundableLine(
        item=line.item_id,
        name=line.name,
        quantity=line.quantity,
        total=line.total,
        units=max(0, line.quantity - sum(part.quantity for part in given)),
        left=max(0, line.total - sum(part.amount for part in given)),
        step=step(currency),
    )


def refuse_unless_refundable(order: OrderAggregate, wanted: WantedRefund, under_way: UnderWay) -> str:
    """The currency of what is wanted; raises OrderNotRefundable where it is not left."""
    order_id = order.root.pk
    if wanted.reason not in REASONS:
        raise OrderNotRefundable(order_id=order_id, reason="unknown_reason")
    payments = {payment.payment_intent: payment for payment in refundable(order, under_way)}
    chosen = []
    for part in wanted.parts:
        payment = payments.get(part.payment_intent)
        if payment is None:
            raise OrderNotRefundable(order_id=order_id, reason="no_such_payment")
        if not 0 < part.amount <= payment.left:
            raise OrderNotRefundable(
                order_id=order_id, reason="not_left", amount=payment.left, currency=payment.currency
            )
        chosen.append(payment)
    if not chosen or any(one.currency != other.currency for one, other in pairwise(chosen)):
        raise OrderNotRefundable(order_id=order_id, reason="no_such_payment")
    refuse_unless_what_it_is_called(order, wanted, under_way, is_counted=all(payment.is_counted for payment in chosen))
    return chosen[0].currency


def refuse_unless_what_it_is_called(
    order: OrderAggregate, wanted: WantedRefund, under_way: UnderWay, *, is_counted: bool
) -> None:
    """A refund of lines is of what is left of them, one of surplus of what is surplus now; other money is neither."""
    if wanted.lines:
        refuse_unless_left_of_lines(order, wanted, under_way, is_counted=is_counted)
    if wanted.reason == SURPLUS and is_counted:
        surplus = sum(part for _, part in surplus_parts(order, under_way))
        if wanted.amount > surplus:
            raise surplus_is(order, surplus)


def surplus_is(order: OrderAggregate, surplus: int) -> OrderNotRefundable:
    """Why an amount that is not the surplus can't be given back as such."""
    order_id = order.root.pk
    if not surplus:
        return OrderNotRefundable(order_id=order_id, reason="no_surplus")
    return OrderNotRefundable(order_id=order_id, reason="surplus_changed", amount=surplus, currency=order.root.currency)


def refuse_unless_left_of_lines(
    order: OrderAggregate, wanted: WantedRefund, under_way: UnderWay, *, is_counted: bool
) -> None:
    order_id, currency = order.root.pk, order.root.currency
    lines = {line.item: line for line in refundable_lines(order, under_way)}
    if not is_counted:
        raise OrderNotRefundable(order_id=order_id, reason="not_counted")
    items = [part.item for part in wanted.lines]
    if len(set(items)) < len(items) or not set(items) <= lines.keys():
        raise OrderNotRefundable(order_id=order_id, reason="no_such_line")
    for part in wanted.lines:
        line = lines[part.item]
        if not 0 < part.amount <= line.left:
            raise OrderNotRefundable(order_id=order_id, reason="line_not_left", amount=line.left, currency=currency)
        if not 0 <= part.quantity <= line.units:
            raise OrderNotRefundable(order_id=order_id, reason="units_not_left")
    if sum(part.amount for part in wanted.lines) != wanted.amount:
        raise OrderNotRefundable(order_id=order_id, reason="lines_differ")


def surplus_parts(order: OrderAggregate, under_way: UnderWay) -> Iterator[tuple[Refundable, int]]:
    """What of which payment gives all surplus back: the newest ones first, since they made it too much.

    Disputed ones come last: Stripe refunds none of which it may have to take the money back (docs.stripe.com/disputes).
    Refunds that are on their way count as given. What can't be counted is no surplus; it has its own currency.
    """
    disputed = {dispute.payment_intent for dispute in order.disputes}
    payments = [payment for payment in refundable(order, under_way) if payment.is_counted]
    payments.sort(key=lambda payment: payment.payment_intent in disputed)
    surplus = sum(payment.left for payment in payments) - order.root.due
    for payment in payments:
        part = min(payment.left, surplus)
        if part > 0:
            yield payment, part
            surplus -= part


def surplus_to_return(order: OrderAggregate, *, amount: int, under_way: UnderWay) -> WantedRefund:
    """As many refunds as it takes to give all surplus back.

    `amount` is what a person has agreed to, in minor units: raises OrderNotRefundable where the surplus is another.
    """
    parts = list(surplus_parts(order, under_way))
    surplus = sum(part for _, part in parts)
    if not surplus or surplus != amount:
        raise surplus_is(order, surplus)
    return WantedRefund(
        parts=tuple(RefundPart(payment_intent=payment.payment_intent, amount=part) for payment, part in parts),
        reason=SURPLUS,
    )
