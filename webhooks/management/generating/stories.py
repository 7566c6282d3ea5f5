"""What happens to generated orders: each story is a sequence of steps, drawn from a seed.

The shares are a guess at a shop's: what matters to a measurement is that common things are common and rare ones rare.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

from billing.quotes import Quote
from orders.decisions.noting import digest_of
from orders.events import (
    OrderCanceled,
    OrderCheckoutClosed,
    OrderCheckoutOpened,
    OrderDisputeUpdated,
    OrderDrafted,
    OrderLineSet,
    OrderNoteAdded,
    OrderPaymentUpdated,
    OrderPlaced,
    OrderRefundApprovalRequested,
    OrderRefundDeclined,
    OrderRefundRequested,
    OrderRefundUpdated,
    OrderReviewUpdated,
    RefundPart,
)
from orders.models import PaymentSource, PaymentStatus, StaffNote
from orders.quote import PricedItem, quote_lines
from orders.services.attempts import CREATE_SESSION
from orders.services.notes import SALT_BYTES
from orders.services.refunding import CREATE_REFUND
from webhooks.management.generating.catalogue import Ware

ABANDONED, FORGOTTEN, STALE = 0.28, 0.02, 0.12  # of all orders: a basket left, a checkout left open, canceled unpaid
DECLINED, ODD = 0.05, 0.008  # of those that are paid: a card was declined before; another sum came in
REFUNDED, REFUNDED_PARTLY, DISPUTED, REVIEWED = 0.05, 0.06, 0.012, 0.005  # of those that are paid
NOTED, ABOVE_LIMIT = 0.03, 0.01  # of those that are paid: somebody wrote a note; wanted more back than they may give
STAFF = ("staff:1", "staff:2")
DECIDED = 0.7  # of approvals
DISPUTE_ENDS = ("won", "lost", "lost", "under_review", "")  # '': nobody has answered yet


@dataclass(frozen=True, kw_only=True)
class Call:
    """A call to Stripe that succeeded at once and made `object_id`."""

    id: UUID
    operation: str
    object_id: str
    body: dict[str, object]


@dataclass(frozen=True, kw_only=True)
class Step:
    """What one transaction records. `told` is the type of the Stripe event that was delivered, and its object's id."""

    at: datetime
    actor: str
    facts: Sequence[object]
    told: tuple[str, str] | None = None
    event_id: str = ""
    call: Call | None = None
    note: StaffNote | None = None


@dataclass
class Story:
    """One order; `chance` decides about it all, `at` is the time that its telling has come to."""

    order_id: int
    chance: Random
    at: datetime
    wares: Sequence[Ware]
    quote: Quote = field(init=False)

    def steps(self) -> Iterator[Step]:
        lot = self.chance.random()
        yield self.fill_basket(is_left=lot < ABANDONED)
        if lot < ABANDONED:
            return
        yield self.place()
        yield self.open_checkout()
        if lot < ABANDONED + FORGOTTEN:
            return
        if lot < ABANDONED + FORGOTTEN + STALE:
            self.wait(24 * 60, 48 * 60)
            yield self.told("checkout.session.expired", self.session, [self.closing("expired")])
            yield Step(at=self.at, actor="system:expiry", facts=[OrderCanceled(reason="stale")])
            return
        yield from self.pay()
        yield from self.look_back()

    def fill_basket(self, *, is_left: bool) -> Step:
        self.ware = self.chance.choice(self.wares)
        others = [ware for ware in self.wares if ware.currency == self.ware.currency]
        count = self.chance.choices((1, 2, 3, 5), (60, 25, 10, 5))[0]
        chosen = {self.ware.item: self.ware} | {one.item: one for one in self.chance.choices(others, k=count - 1)}
        self.items = [
            PricedItem(one.item, one.name, self.chance.choices((1, 2, 4), (80, 15, 5))[0], one.price)
            for one in sorted(chosen.values(), key=lambda one: one.item)
        ]
        drafted = OrderDrafted(
            shopper_id=self.token(),
            account=self.ware.account,
            livemode=self.ware.livemode,
            currency=self.ware.currency,
            buy_item=self.ware.item if count == 1 and not is_left else None,
        )
        lines = [
            OrderLineSet(item=i.item, name=i.name, quantity=i.quantity, unit_amount=i.unit_amount) for i in self.items
        ]
        return Step(at=self.at, actor="shopper", facts=[drafted, *lines])

    def place(self) -> Step:
        self.wait(0, 20)
        self.quote = quote_lines(self.ware.currency, self.items)
        placed = OrderPlaced(
            lines=self.quote.lines, subtotal=self.quote.subtotal, discount=0, tax=0, total=self.quote.total
        )
        self.call = self.new_call(CREATE_SESSION, f"cs_test_{self.token()}")
        return Step(at=self.at, actor="shopper", facts=[placed], call=self.call)

    def open_checkout(self) -> Step:
        self.session, self.intent, self.charge = self.call.object_id, f"pi_{self.token()}", f"ch_{self.token()}"
        self.at += timedelta(milliseconds=400)
        opened = OrderCheckoutOpened(
            attempt=1,
            call_id=str(self.call.id),
            session_id=self.session,
            url=f"https://checkout.stripe.com/c/pay/{self.session}",
            expires_at=int(self.at.timestamp()) + 24 * 60 * 60,
        )
        return Step(at=self.at, actor="shopper", facts=[opened])

    def pay(self) -> Iterator[Step]:
        self.wait(1, 30)
        self.amount = self.quote.total
        if self.chance.random() < ODD:
            self.amount += self.chance.choice((-100, 100, 500, self.quote.total))
        if self.chance.random() < DECLINED:
            failed = self.payment(PaymentSource.CHARGE, f"ch_{self.token()}", PaymentStatus.FAILED, "card_declined")
            yield self.told("charge.failed", failed.source_id, [failed])
            self.wait(1, 3)
        paid = self.payment(PaymentSource.INTENT, self.intent, PaymentStatus.SUCCEEDED)
        yield self.told("payment_intent.succeeded", self.intent, [paid])
        self.at += timedelta(milliseconds=700)
        told_by_session = self.payment(PaymentSource.SESSION, self.session, PaymentStatus.SUCCEEDED)
        yield self.told("checkout.session.completed", self.session, [self.closing("completed"), told_by_session])

    def look_back(self) -> Iterator[Step]:
        """What comes days after the payment."""
        lot = self.chance.random()
        if lot < REVIEWED:
            yield from self.review()
        elif lot < REVIEWED + DISPUTED:
            yield from self.dispute()
        elif lot < REVIEWED + DISPUTED + REFUNDED:
            yield from self.refund(self.amount)
        elif lot < REVIEWED + DISPUTED + REFUNDED + REFUNDED_PARTLY:
            yield from self.refund(max(1, self.amount // 3))
        elif lot > 1 - ABOVE_LIMIT:
            yield from self.want_more_than_allowed()
        elif lot > 1 - ABOVE_LIMIT - NOTED:
            yield self.write_note()

    def want_more_than_allowed(self) -> Iterator[Step]:
        """A refund waits for a second person, who mostly declines it."""
        self.wait(60, 20 * 24 * 60)
        approval, part = self.uuid(), RefundPart(payment_intent=self.intent, amount=self.amount)
        told: dict[str, Any] = {"approval": str(approval), "amount": self.amount, "currency": self.ware.currency}
        asked_by, decided_by = STAFF
        asked = OrderRefundApprovalRequested(
            parts=(part,), lines=(), reason="requested_by_customer", asked_by=asked_by, **told
        )
        yield Step(at=self.at, actor=asked_by, facts=[asked])
        self.wait(5, 24 * 60)
        if self.chance.random() < DECIDED:
            yield Step(at=self.at, actor=decided_by, facts=[OrderRefundDeclined(decided_by=decided_by, **told)])

    def write_note(self) -> Step:
        self.wait(60, 20 * 24 * 60)
        text, salt, actor = "Called back, all is well.", self.chance.randbytes(SALT_BYTES), self.chance.choice(STAFF)
        note = StaffNote(
            id=self.uuid(),
            order_id=self.order_id,
            text=text,
            salt=salt,
            author_id=int(actor.removeprefix("staff:")),
            added_at=self.at,
        )
        added = OrderNoteAdded(note=str(note.pk), sha256=digest_of(salt, text))
        return Step(at=self.at, actor=actor, facts=[added], note=note)

    def review(self) -> Iterator[Step]:
        review = f"prv_{self.token()}"
        for is_open, reason in ((True, "rule"), (False, "approved")):
            news = OrderReviewUpdated(review=review, payment_intent=self.intent, is_open=is_open, reason=reason)
            yield self.told("review.opened" if is_open else "review.closed", review, [news])
            self.wait(60, 5 * 24 * 60)

    def dispute(self) -> Iterator[Step]:
        self.wait(24 * 60, 30 * 24 * 60)
        dispute, due_by = f"du_{self.token()}", int((self.at + timedelta(days=14)).timestamp())
        end = self.chance.choice(DISPUTE_ENDS)
        for status in filter(None, ("needs_response", end)):
            news = OrderDisputeUpdated(
                dispute=dispute,
                payment_intent=self.intent,
                charge=self.charge,
                status=status,
                amount=self.amount,
                currency=self.ware.currency,
                reason="fraudulent",
                due_by=due_by,
            )
            kind = {"needs_response": "created", "under_review": "updated"}.get(status, "closed")
            yield self.told(f"charge.dispute.{kind}", dispute, [news])
            self.wait(5 * 24 * 60, 60 * 24 * 60)

    def refund(self, amount: int) -> Iterator[Step]:
        self.wait(60, 20 * 24 * 60)
        refund = f"re_{self.token()}"
        call = self.new_call(CREATE_REFUND, refund)
        asked = OrderRefundRequested(
            call_id=str(call.id), payment_intent=self.intent, amount=amount, reason="requested_by_customer"
        )
        yield Step(at=self.at, actor=self.chance.choice(STAFF), facts=[asked], call=call)
        ends = ("succeeded", "failed") if self.chance.random() < DECLINED else ("succeeded",)
        for status in ends:
            self.wait(1, 5)
            news = OrderRefundUpdated(
                refund=refund,
                payment_intent=self.intent,
                charge=self.charge,
                status=status,
                amount=amount,
                currency=self.ware.currency,
                failure_reason="lost_or_stolen_card" if status == "failed" else "",
            )
            yield self.told("refund.updated" if status == "succeeded" else "refund.failed", refund, [news])

    def payment(self, source: str, source_id: str, status: str, failure_code: str = "") -> OrderPaymentUpdated:
        return OrderPaymentUpdated(
            payment_intent=self.intent,
            source=source,
            source_id=source_id,
            charge="" if source == PaymentSource.SESSION else source_id if failure_code else self.charge,
            status=status,
            amount=self.amount,
            currency=self.ware.currency,
            account=self.ware.account,
            livemode=self.ware.livemode,
            failure_code=failure_code,
        )

    def closing(self, reason: str) -> OrderCheckoutClosed:
        return OrderCheckoutClosed(attempt=1, session_id=self.session, reason=reason)

    def told(self, event_type: str, object_id: str, facts: Sequence[object]) -> Step:
        actor, event_id = f"stripe:{self.ware.account}", f"evt_{self.token()}"
        return Step(at=self.at, actor=actor, facts=facts, told=(event_type, object_id), event_id=event_id)

    def new_call(self, operation: str, object_id: str) -> Call:
        call_id = self.uuid()
        metadata = {"order_id": str(self.order_id), "attempt": "1", "call_id": str(call_id)}
        return Call(id=call_id, operation=operation, object_id=object_id, body={"metadata": metadata})

    def wait(self, least: int, most: int) -> None:
        """Minutes."""
        self.at += timedelta(seconds=self.chance.randint(least * 60 + 1, most * 60))

    def uuid(self) -> UUID:
        return UUID(int=self.chance.getrandbits(128), version=4)

    def token(self) -> str:
        """As long as those in Stripe's ids."""
        return f"{self.chance.getrandbits(96):024x}"
