"""Booking a batch of the log: each event, once its stream has come that far, changes the flows, and the differences
are its ledger lines.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime

from core.eventlog.aggregate import store_children
from core.eventlog.append import RecordedFact
from core.eventlog.tail import Cursor, cursor_of
from core.models import Event
from finance.books.entries import ENTRIES, Balance, Flow, Flows, cash_moved, differences
from finance.books.flows import order_flows, own_balance
from finance.books.matching import Matches, Told, told_by
from finance.books.months import Closings
from finance.books.streams import Stream, read_streams
from finance.books.summaries import Summaries
from finance.events import (
    BalanceTransactionChanged,
    BalanceTransactionReappeared,
    BalanceTransactionRecorded,
    BalanceTransactionVanished,
)
from finance.models import BalanceTransaction, BookedTransaction, LedgerLine, Movement, OrderBooks
from orders.events import (
    OrderAttentionCleared,
    OrderAttentionRaised,
    OrderCanceled,
    OrderCheckoutClosed,
    OrderCheckoutOpened,
    OrderCommandRefused,
    OrderDiscountSet,
    OrderDrafted,
    OrderEventIgnored,
    OrderLineSet,
    OrderMailSent,
    OrderPaid,
    OrderPlaced,
    OrderQuoteMismatched,
    OrderRefundRequested,
    OrderReviewUpdated,
    OrderTaxSet,
)
from orders.models import SETTLED_STATES, Order
from orders.projections import OrderAggregate
from webhooks.models import Delivery

FROM_STRIPE = "stripe:"
COUNTED: dict[type, str] = {
    OrderDrafted: "drafted",
    OrderPlaced: "placed",
    OrderPaid: "paid",
    OrderCanceled: "canceled",
}
SUMMED: dict[str, str] = {
    Movement.REFUND: "refunded_amount",
    Movement.SURPLUS_RETURNED: "refunded_amount",
    Movement.DISPUTE: "disputed_amount",
}


# What neither moves money nor changes what is due: most of a log, and not folded here.
IMMATERIAL = (
    OrderLineSet,
    OrderTaxSet,
    OrderDiscountSet,
    OrderCheckoutOpened,
    OrderCheckoutClosed,
    OrderQuoteMismatched,
    OrderRefundRequested,
    OrderReviewUpdated,
    OrderAttentionRaised,
    OrderAttentionCleared,
    OrderCommandRefused,
    OrderEventIgnored,
    OrderMailSent,
)


class FoldedOrder:
    """An order's money as its events tell it, as far as they were read, and what it has moved until then."""

    def __init__(self, order_id: int, stream: Stream, booked: int) -> None:
        self.stream = stream
        self.booked = booked
        self.aggregate = OrderAggregate.begin(order_id)
        for told in stream.up_to(booked):
            self._fold(told)
        self.flows, self.paid_amount = self._sums()

    def apply(self, told: RecordedFact) -> tuple[list[tuple[Flow, int]], int]:
        """What the fact changes: flows, and the verified money of the order if it is a paid one."""
        if not self._fold(told):
            return [], 0
        flows, paid_amount = self._sums()
        changes = differences(self.flows, flows), paid_amount - self.paid_amount
        self.flows, self.paid_amount = flows, paid_amount
        return changes

    def _fold(self, told: RecordedFact) -> bool:
        if isinstance(told.fact, IMMATERIAL):
            return False
        self.aggregate.apply(told.fact, told.event.recorded_at)
        return True

    def _sums(self) -> tuple[Flows, int]:
        root = self.aggregate.root
        return order_flows(self.aggregate), root.received if root.state in SETTLED_STATES else 0


class Booking:
    """One batch: read what it is about, book event by event in memory, write it all. The number of queries is fixed."""

    def __init__(self, events: list[Event]) -> None:
        self.events = events
        orders, self.transactions = read_streams(events)
        booked = dict(OrderBooks.objects.filter(pk__in=orders).values_list("pk", "version")) if orders else {}
        self.orders = {key: FoldedOrder(key, stream, booked.get(key, 0)) for key, stream in orders.items()}
        news = [told for order in self.orders.values() for told in order.stream.facts[order.stream.read :]]
        self.matches = Matches(object_ids_in(news) | sources_in(self.transactions.values()), set(self.transactions))
        for key, stream in self.transactions.items():
            known = self.matches.transactions.get(key)
            list(stream.up_to(known.version if known else 0))
        self.moments = moments_of(told.event for told in news)
        self.closings = Closings()
        self.summaries = Summaries()
        self.lines: list[LedgerLine] = []

    def book(self) -> None:
        for event in self.events:
            if key := Order.key_in(event.stream):
                order = self.orders[int(key)]
                for told in order.stream.up_to(event.version):
                    self.book_order(order, told, cursor_of(event))
            elif key := BalanceTransaction.key_in(event.stream):
                for told in self.transactions[key].up_to(event.version):
                    self.book_transaction(key, told, cursor_of(event))

    def book_order(self, order: FoldedOrder, told: RecordedFact, noticed: Cursor) -> None:
        order_id = order.aggregate.root.pk
        changes, paid_amount = order.apply(told)
        self.summarize(order, told, changes, paid_amount)
        about = told_by(told.fact)
        object_id = about.object_id if about else f"order-{order_id}"
        lines = [(flow._replace(order_id=order_id, object_id=object_id), amount) for flow, amount in changes]
        if about:
            lines += self.rematch(order_id, about, cash_moved(changes))
        if lines:
            happened_at = self.moments.get((told.event.actor, told.event.cause), told.event.recorded_at)
            self.write_down(told.event, lines, happened_at, noticed)

    def rematch(self, order_id: int, about: Told, cash: Counter[Balance]) -> list[tuple[Flow, int]]:
        """What becomes of Stripe's transactions, now that an order tells of their object or moves money through it."""
        before = self.matches.flows_of(*about.ids)
        self.matches.bring(order_id, about)
        self.matches.move(about, cash)
        return differences(before, self.matches.flows_of(*about.ids))

    def book_transaction(self, key: str, told: RecordedFact, noticed: Cursor) -> None:
        fact, happened_at = told.fact, told.event.recorded_at
        known = self.matches.transactions.get(key)
        before: Flows = Counter()
        if known is not None:
            before = self.matches.flows_of(known.object_id)
        elif isinstance(fact, BalanceTransactionRecorded):
            known, happened_at = transaction_of(key, fact), datetime.fromtimestamp(fact.created, UTC)
            object_id = self.matches.standing_for(fact.source or key)
            before = self.matches.flows_of(object_id)
            self.matches.put(known, object_id)
        else:
            return
        if isinstance(fact, BalanceTransactionChanged):
            known.amount, known.fee = fact.amount, fact.fee
        if isinstance(fact, BalanceTransactionVanished | BalanceTransactionReappeared):
            known.is_listed = isinstance(fact, BalanceTransactionReappeared)
        known.version = told.event.version
        self.matches.put(known, known.object_id)
        lines = differences(before, self.matches.flows_of(known.object_id))
        self.write_down(told.event, lines, happened_at, noticed)

    def write_down(self, event: Event, changes: list[tuple[Flow, int]], happened_at: datetime, noticed: Cursor) -> None:
        month, is_adjustment = self.closings.book_into(happened_at, noticed)
        for number, (flow, amount) in enumerate(changes):
            debit, credit = ENTRIES[flow.movement] if amount > 0 else reversed(ENTRIES[flow.movement])
            self.lines.append(
                LedgerLine(
                    position=event.position,
                    number=number,
                    order_id=flow.order_id,
                    account=flow.balance.account,
                    livemode=flow.balance.livemode,
                    currency=flow.balance.currency,
                    movement=flow.movement,
                    object_id=flow.object_id,
                    debit=debit,
                    credit=credit,
                    amount=abs(amount),
                    happened_at=happened_at,
                    month=month,
                    is_adjustment=is_adjustment,
                )
            )

    def summarize(
        self, order: FoldedOrder, told: RecordedFact, changes: list[tuple[Flow, int]], paid_amount: int
    ) -> None:
        day, own = told.event.recorded_at.astimezone(UTC).date(), own_balance(order.aggregate)
        if figure := COUNTED.get(type(told.fact)):
            self.summaries.add(day, own, figure)
        if paid_amount:
            self.summaries.add(day, own, "paid_amount", paid_amount)
        root = order.aggregate.root
        if isinstance(told.fact, OrderPaid) and root.placed_at and root.paid_at:
            self.summaries.add_delay(day, own, (root.paid_at - root.placed_at).total_seconds())
        for flow, amount in changes:
            if figure := SUMMED.get(flow.movement):
                self.summaries.add(day, flow.balance, figure, amount)

    def write(self) -> None:
        LedgerLine.objects.bulk_create(self.lines)
        self.matches.write()
        self.summaries.write()
        read = {key: order.stream.facts[-1].event.version for key, order in self.orders.items()}
        # A notice of what was booked already may come late.
        news = [OrderBooks(key, version) for key, version in read.items() if version > self.orders[key].booked]
        store_children(OrderBooks, news)


def object_ids_in(news: Iterable[RecordedFact]) -> set[str]:
    about = (told_by(told.fact) for told in news)
    return {object_id for one in about if one for object_id in one.ids}


def sources_in(streams: Iterable[Stream]) -> set[str]:
    facts = (told.fact for stream in streams for told in stream.facts)
    return {fact.source for fact in facts if isinstance(fact, BalanceTransactionRecorded)} - {""}


def transaction_of(key: str, fact: BalanceTransactionRecorded) -> BookedTransaction:
    return BookedTransaction(
        id=key,
        source=fact.source,
        account=fact.account,
        livemode=fact.livemode,
        type=fact.type,
        currency=fact.currency,
        amount=fact.amount,
        fee=fact.fee,
    )


def moments_of(events: Iterable[Event]) -> dict[tuple[str, str], datetime]:
    """By actor and cause of events, when the Stripe event that caused them happened, as far as its delivery says so."""
    causes = {(event.actor, event.cause) for event in events if event.cause and event.actor.startswith(FROM_STRIPE)}
    if not causes:
        return {}
    delivered = Delivery.objects.filter(
        account__in={actor.removeprefix(FROM_STRIPE) for actor, _ in causes},
        event_id__in={cause for _, cause in causes},
    )
    found = delivered.values_list("account", "event_id", "created_at")
    return {(FROM_STRIPE + account, event_id): at for account, event_id, at in found if at}
