"""How the facts of an order fold into its rows. Nothing here refuses: that is what orders/decisions is for."""

from collections import Counter
from datetime import UTC, datetime
from typing import ClassVar

import msgspec

from billing.quotes import QuotedTax
from core.eventlog.aggregate import Aggregate
from core.eventlog.applying import by_fact
from orders import sums
from orders.events import (
    OrderAttentionCleared,
    OrderAttentionRaised,
    OrderCanceled,
    OrderCheckoutClosed,
    OrderCheckoutOpened,
    OrderCommandRefused,
    OrderContactForgotten,
    OrderDiscountSet,
    OrderDisputeUpdated,
    OrderDrafted,
    OrderEventIgnored,
    OrderLineSet,
    OrderLinksRevoked,
    OrderMailSent,
    OrderNoteAdded,
    OrderNoteErased,
    OrderPaid,
    OrderPaymentUpdated,
    OrderPlaced,
    OrderQuoteAdopted,
    OrderQuoteMismatched,
    OrderRefundApprovalRequested,
    OrderRefundApproved,
    OrderRefundDeclined,
    OrderRefunded,
    OrderRefundRequested,
    OrderRefundUpdated,
    OrderReviewUpdated,
    OrderTaxSet,
)
from orders.models import (
    ApprovalState,
    Checkout,
    CheckoutState,
    Dispute,
    Order,
    OrderLine,
    OrderState,
    Payment,
    Refund,
    RefundApproval,
    RefundRequest,
    Review,
)


class OrderAggregate(Aggregate[Order]):
    """An order with all that belongs to it."""

    root_model: ClassVar = Order
    child_models: ClassVar = dict.fromkeys(
        [OrderLine, Checkout, Payment, Refund, Dispute, Review, RefundRequest, RefundApproval], "order_id"
    )

    @property
    def lines(self) -> list[OrderLine]:
        return sorted(self.children(OrderLine).values(), key=lambda line: line.item_id)

    @property
    def checkouts(self) -> list[Checkout]:
        return sorted(self.children(Checkout).values(), key=lambda checkout: checkout.attempt)

    @property
    def open_checkouts(self) -> list[Checkout]:
        return [checkout for checkout in self.checkouts if checkout.state == CheckoutState.OPEN]

    @property
    def payments(self) -> list[Payment]:
        return list(self.children(Payment).values())

    @property
    def refunds(self) -> list[Refund]:
        return list(self.children(Refund).values())

    @property
    def disputes(self) -> list[Dispute]:
        return list(self.children(Dispute).values())

    @property
    def reviews(self) -> list[Review]:
        return list(self.children(Review).values())

    @property
    def refund_requests(self) -> list[RefundRequest]:
        return list(self.children(RefundRequest).values())

    @property
    def approvals(self) -> list[RefundApproval]:
        return sorted(self.children(RefundApproval).values(), key=lambda approval: (approval.asked_at, approval.pk))

    @by_fact
    def apply(self, fact: object, recorded_at: datetime) -> None:
        raise TypeError(f"{type(fact).__name__} is no fact of an order")

    @apply.register
    def _drafted(self, fact: OrderDrafted, recorded_at: datetime) -> None:
        order = self.root
        order.shopper_id, order.buy_item_id = fact.shopper_id, fact.buy_item
        order.account, order.livemode, order.currency = fact.account, fact.livemode, fact.currency
        order.drafted_at = recorded_at

    @apply.register
    def _line_set(self, fact: OrderLineSet, recorded_at: datetime) -> None:
        if fact.quantity == 0:
            self.drop(OrderLine, self._line_key(fact.item))
            return
        line = self._line(fact.item)
        line.name, line.quantity, line.unit_amount = fact.name, fact.quantity, fact.unit_amount

    @apply.register
    def _tax_set(self, fact: OrderTaxSet, recorded_at: datetime) -> None:
        self._line(fact.item).taxes = msgspec.to_builtins([QuotedTax(terms=terms, amount=0) for terms in fact.taxes])

    @apply.register
    def _discount_set(self, fact: OrderDiscountSet, recorded_at: datetime) -> None:
        self.root.discount_terms = msgspec.to_builtins(fact.terms)

    @apply.register
    def _placed(self, fact: OrderPlaced, recorded_at: datetime) -> None:
        self._freeze(fact)
        self.root.subtotal = fact.subtotal
        self.root.discount_terms = msgspec.to_builtins(fact.discount_terms)
        self.root.language = fact.language
        self.root.place(recorded_at)

    @apply.register
    def _quote_adopted(self, fact: OrderQuoteAdopted, recorded_at: datetime) -> None:
        self._freeze(fact)

    def _freeze(self, fact: OrderPlaced | OrderQuoteAdopted) -> None:
        for quoted in fact.lines:
            line = self._line(quoted.item)
            line.name, line.quantity, line.unit_amount = quoted.name, quoted.quantity, quoted.unit_amount
            line.subtotal, line.discount, line.tax = quoted.subtotal, quoted.discount, quoted.tax
            line.total, line.taxes = quoted.total, msgspec.to_builtins(list(quoted.taxes))
        self.root.discount, self.root.tax, self.root.total = fact.discount, fact.tax, fact.total

    @apply.register
    def _checkout_opened(self, fact: OrderCheckoutOpened, recorded_at: datetime) -> None:
        checkout = self._checkout(fact)
        checkout.call_id, checkout.url, checkout.opened_at = fact.call_id, fact.url, recorded_at
        checkout.expires_at = datetime.fromtimestamp(fact.expires_at, UTC) if fact.expires_at else None

    @apply.register
    def _checkout_closed(self, fact: OrderCheckoutClosed, recorded_at: datetime) -> None:
        checkout = self._checkout(fact)
        checkout.state, checkout.closed_at = fact.reason, recorded_at

    @apply.register
    def _payment_updated(self, fact: OrderPaymentUpdated, recorded_at: datetime) -> None:
        payment = self.touch(Payment, f"{self.root.pk}-{fact.source_id}")
        payment.payment_intent, payment.source, payment.source_id = fact.payment_intent, fact.source, fact.source_id
        payment.charge, payment.status = fact.charge, fact.status
        payment.amount, payment.currency = fact.amount, fact.currency
        payment.account, payment.livemode, payment.failure_code = fact.account, fact.livemode, fact.failure_code
        payment.updated_at = recorded_at
        self._sum_up()

    @apply.register
    def _paid(self, _fact: OrderPaid, recorded_at: datetime) -> None:
        self.root.pay(recorded_at)

    @apply.register
    def _refunded(self, fact: OrderRefunded, recorded_at: datetime) -> None:
        {
            OrderState.PAID: self.root.refund_nothing,
            OrderState.PARTIALLY_REFUNDED: self.root.refund_partially,
            OrderState.REFUNDED: self.root.refund_fully,
        }[OrderState(fact.state)]()

    @apply.register
    def _refund_updated(self, fact: OrderRefundUpdated, recorded_at: datetime) -> None:
        refund = self.touch(Refund, f"{self.root.pk}-{fact.refund}")
        refund.refund_id, refund.payment_intent, refund.charge = fact.refund, fact.payment_intent, fact.charge
        refund.status, refund.failure_reason = fact.status, fact.failure_reason
        refund.amount, refund.currency, refund.updated_at = fact.amount, fact.currency, recorded_at
        refund.call_id = fact.call_id
        self._sum_up()
        self._sum_up_lines()

    @apply.register
    def _refund_requested(self, fact: OrderRefundRequested, recorded_at: datetime) -> None:
        request = self.touch(RefundRequest, f"{self.root.pk}-{fact.call_id}")
        request.call_id, request.payment_intent, request.amount = fact.call_id, fact.payment_intent, fact.amount
        request.reason, request.approval, request.requested_at = fact.reason, fact.approval, recorded_at
        request.lines = msgspec.to_builtins(list(fact.lines))
        if fact.lines:
            self._sum_up_lines()

    @apply.register
    def _refund_approval_requested(self, fact: OrderRefundApprovalRequested, recorded_at: datetime) -> None:
        approval = self.touch(RefundApproval, f"{self.root.pk}-{fact.approval}")
        approval.approval, approval.reason, approval.asked_by = fact.approval, fact.reason, fact.asked_by
        approval.amount, approval.currency, approval.asked_at = fact.amount, fact.currency, recorded_at
        approval.parts, approval.lines = msgspec.to_builtins(list(fact.parts)), msgspec.to_builtins(list(fact.lines))

    @apply.register
    def _refund_approved(self, fact: OrderRefundApproved, recorded_at: datetime) -> None:
        self._decide(fact, ApprovalState.APPROVED, recorded_at)

    @apply.register
    def _refund_declined(self, fact: OrderRefundDeclined, recorded_at: datetime) -> None:
        self._decide(fact, ApprovalState.DECLINED, recorded_at)

    def _decide(
        self, fact: OrderRefundApproved | OrderRefundDeclined, state: ApprovalState, recorded_at: datetime
    ) -> None:
        approval = self.touch(RefundApproval, f"{self.root.pk}-{fact.approval}")
        approval.state, approval.decided_by, approval.decided_at = state, fact.decided_by, recorded_at

    @apply.register
    def _dispute_updated(self, fact: OrderDisputeUpdated, recorded_at: datetime) -> None:
        dispute = self.touch(Dispute, f"{self.root.pk}-{fact.dispute}")
        dispute.dispute_id, dispute.payment_intent, dispute.charge = fact.dispute, fact.payment_intent, fact.charge
        dispute.status, dispute.reason = fact.status, fact.reason
        dispute.amount, dispute.currency, dispute.updated_at = fact.amount, fact.currency, recorded_at
        dispute.due_by = datetime.fromtimestamp(fact.due_by, UTC) if fact.due_by else None
        self.root.dispute_state = sums.dispute_state(self.disputes)

    @apply.register
    def _review_updated(self, fact: OrderReviewUpdated, recorded_at: datetime) -> None:
        review = self.touch(Review, f"{self.root.pk}-{fact.review}")
        review.review_id, review.is_open, review.reason = fact.review, fact.is_open, fact.reason
        review.updated_at = recorded_at

    @apply.register
    def _canceled(self, _fact: OrderCanceled, recorded_at: datetime) -> None:
        self.root.cancel(recorded_at)
        self._sum_up()

    @apply.register
    def _attention_raised(self, fact: OrderAttentionRaised, recorded_at: datetime) -> None:
        self.root.attention = sorted({*self.root.attention, fact.reason})

    @apply.register
    def _attention_cleared(self, fact: OrderAttentionCleared, recorded_at: datetime) -> None:
        self.root.attention = sorted({*self.root.attention} - {fact.reason})

    @apply.register
    def _links_revoked(self, fact: OrderLinksRevoked, recorded_at: datetime) -> None:
        self.root.link_generation = fact.generation

    @apply.register
    def _for_the_record(
        self,
        _fact: OrderCommandRefused
        | OrderContactForgotten
        | OrderEventIgnored
        | OrderMailSent
        | OrderQuoteMismatched
        | OrderNoteAdded
        | OrderNoteErased,
        recorded_at: datetime,
    ) -> None:
        """Told by the timeline; the rows stay as they are."""

    def _line_key(self, item: int) -> str:
        return f"{self.root.pk}-{item}"

    def _line(self, item: int) -> OrderLine:
        line = self.touch(OrderLine, self._line_key(item))
        line.item_id = item
        return line

    def _checkout(self, fact: OrderCheckoutOpened | OrderCheckoutClosed) -> Checkout:
        checkout = self.touch(Checkout, f"{self.root.pk}-{fact.attempt}")
        checkout.attempt, checkout.session_id, checkout.payment_intent = (
            fact.attempt,
            fact.session_id,
            fact.payment_intent,
        )
        return checkout

    def _sum_up(self) -> None:
        """The order's figures from its payments and refunds, whatever order they were heard of in."""
        order = self.root
        order.received = sums.received(order, self.payments)
        order.refunded = sums.refunded(order, self.refunds)
        order.surplus = max(0, order.received - order.refunded - order.due)

    def _sum_up_lines(self) -> None:
        """What of each line was given back: of the requests whose refund succeeded, whichever was heard of first."""
        amounts, quantities = Counter[int](), Counter[int]()
        made = {refund.call_id for refund in self.refunds if refund.status == sums.REFUND_MADE}
        for request in self.refund_requests:
            for part in request.refunded_lines if request.call_id in made else ():
                amounts[part.item] += part.amount
                quantities[part.item] += part.quantity
        for line in self.lines:
            given = amounts[line.item_id], quantities[line.item_id]
            if given != (line.refunded, line.refunded_quantity):
                line.refunded, line.refunded_quantity = given
                self.touch(OrderLine, line.pk)
