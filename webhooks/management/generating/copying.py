"""From stories to rows: facts are folded as replay folds them, chained as the log chains them, and copied."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

from django.db import connection, transaction
from django.db.models import Field, JSONField, Model
from psycopg import sql

from billing.events import StripeCallAttempted, StripeCallRequested, StripeCallSucceeded
from billing.gateway.signatures import API_VERSION
from billing.models import StripeCall
from billing.projections import CallAggregate
from core.chain import Head, canonical_bytes, next_digest
from core.eventlog.aggregate import Aggregate
from core.eventlog.facts import encode
from core.models import Event
from orders.decisions.money import decide_settlement
from orders.models import Order, StaffNote
from orders.projections import OrderAggregate
from webhooks.facts import DeliveryHandlingRequested
from webhooks.management.generating.catalogue import Ware
from webhooks.management.generating.stories import STAFF, Step, Story
from webhooks.models import Delivery, DeliverySource, DeliveryState, HandlingRequest, PaymentLink
from webhooks.projections import HandlingAggregate

CHUNK = 2000  # orders in one transaction; the seed's chances are drawn for each chunk
ORDER_MODELS: tuple[type[Model], ...] = (OrderAggregate.root_model, *OrderAggregate.child_models)
HANDLED_AGAIN = 0.003  # of deliveries
# Keys that the database draws; of events it fills in the position too, the cluster and the transaction.
DRAWN: dict[type[Model], tuple[str, ...]] = {
    Delivery: ("id",),
    PaymentLink: ("id",),
}


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is generated: orders `first_id` and on, begun evenly between `begin` and `end`; nothing happens after it."""

    orders: int
    first_id: int
    seed: int
    begin: datetime
    end: datetime
    with_stripe: bool
    wares: Sequence[Ware]

    def chunks(self) -> Iterator[range]:
        for start in range(0, self.orders, CHUNK):
            yield range(start, min(start + CHUNK, self.orders))

    def story(self, index: int, chance: Random) -> Story:
        begun = self.begin + (self.end - self.begin) * index / self.orders
        return Story(self.first_id + index, chance, begun, self.wares)


class Rows:
    """Rows of all tables, to be copied. Events are the most by far: bare columns, without the cost of a model."""

    def __init__(self) -> None:
        self.of: dict[type[Model], list[Model]] = defaultdict(list)
        self.events: list[dict[str, Any]] = []

    def append_events(self, aggregate: Aggregate[Any], facts: Sequence[object], step: Step, at: datetime) -> None:
        """Behind the aggregate's head, which they become."""
        root = aggregate.root
        for fact in facts:
            kind, schema, data = encode(fact)
            event: dict[str, Any] = {
                "stream": root.stream,
                "version": root.stream_version + 1,
                "kind": kind,
                "schema": schema,
                "data": data,
                "actor": step.actor,
                "correlation_id": step.event_id or f"generated-{root.pk}",
                "cause": step.event_id,
                "recorded_at": at,
            }
            event["digest"] = next_digest(root.stream_digest, canonical_bytes(**event))
            root.head = Head(event["version"], event["digest"])
            self.events.append(event)

    def copy(self) -> dict[str, int]:
        """How many rows each table got, by COPY, in the caller's transaction."""
        copied = {}
        with connection.cursor() as cursor:
            if self.events:
                rows = (
                    [json.dumps(value) if name == "data" else value for name, value in event.items()]
                    for event in self.events
                )
                copied[Event._meta.db_table] = copy_rows(cursor, Event._meta.db_table, list(self.events[0]), rows)
            for model, of_model in self.of.items():
                fields = [field for field in model._meta.concrete_fields if field.column not in DRAWN.get(model, ())]
                columns = [str(field.column) for field in fields]
                rows = ([value_of(row, field) for field in fields] for row in of_model)
                copied[model._meta.db_table] = copy_rows(cursor, model._meta.db_table, columns, rows)
        return copied


def copy_rows(cursor: Any, table: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> int:
    """What the columns left out hold is filled in by the database."""
    names = sql.SQL(", ").join([sql.Identifier(column) for column in columns])
    count = 0
    with cursor.copy(sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table), names)) as copy:
        for row in rows:
            copy.write_row(row)
            count += 1
    return count


def value_of(row: Model, field: "Field[Any, Any]") -> object:
    """As COPY takes it."""
    value = getattr(row, field.attname)
    return json.dumps(value) if isinstance(field, JSONField) and value is not None else value


def generate_chunk(plan: Plan, chunk: range) -> dict[str, int]:
    """Rows by table; one transaction."""
    chance = Random(f"{plan.seed} {chunk.start}")  # noqa: S311 a measurement needs no secret
    rows = Rows()
    for index in chunk:
        add_order(rows, plan, plan.story(index, chance))
    with transaction.atomic(durable=True):
        return rows.copy()


def add_order(rows: Rows, plan: Plan, story: Story) -> None:
    order = OrderAggregate.begin(story.order_id)
    for step in story.steps():
        if step.at > plan.end:
            break
        rows.append_events(order, facts_of(order, step), step, step.at)
        if step.note is not None:
            rows.of[StaffNote].append(step.note)
        if plan.with_stripe:
            add_stripes_side(rows, story, step)
    for model in ORDER_MODELS:
        rows.of[model] += [order.root] if model is Order else order.children(model).values()


def facts_of(order: OrderAggregate, step: Step) -> list[object]:
    """The step's, and what follows from them, applied."""
    facts = list(step.facts)
    for fact in facts:
        order.apply(fact, step.at)
    if step.told is not None:
        for fact in decide_settlement(order):
            order.apply(fact, step.at)
            facts.append(fact)
    return facts


def add_stripes_side(rows: Rows, story: Story, step: Step) -> None:
    if step.call is not None:
        add_call(rows, story, step)
    if step.told is not None:
        event_type, object_id = step.told
        rows.of[Delivery].append(
            Delivery(
                account=story.ware.account,
                event_id=step.event_id,
                type=event_type,
                api_version=API_VERSION,
                livemode=story.ware.livemode,
                object_id=object_id,
                payload=json.dumps({"id": step.event_id, "object": "event", "type": event_type}).encode(),
                source=DeliverySource.WEBHOOK,
                state=DeliveryState.HANDLED,
                order_id=story.order_id,
                attempts=1,
                received_at=step.at,
                handled_at=step.at,
            )
        )
        if story.chance.random() < HANDLED_AGAIN:
            add_handling(rows, story, step, event_type)
        if event_type == "payment_intent.succeeded":
            link = PaymentLink(
                account=story.ware.account, payment_intent=object_id, order_id=story.order_id, seen_at=step.at
            )
            rows.of[PaymentLink].append(link)


def add_handling(rows: Rows, story: Story, step: Step, event_type: str) -> None:
    """It had failed at first, and a person had it handled again."""
    asked_by, handling = story.chance.choice(STAFF), HandlingAggregate.begin(story.uuid())
    requested = DeliveryHandlingRequested(
        account=story.ware.account,
        event_id=step.event_id,
        type=event_type,
        order_id=story.order_id,
        state=DeliveryState.FAILED,
        asked_by=asked_by,
    )
    handling.apply(requested, step.at)
    rows.append_events(handling, [requested], Step(at=step.at, actor=asked_by, facts=[requested]), step.at)
    rows.of[HandlingRequest].append(handling.root)


def add_call(rows: Rows, story: Story, step: Step) -> None:
    asked = step.call
    if asked is None:
        return
    call = CallAggregate.begin(asked.id)
    answered = step.at + timedelta(milliseconds=380)
    requested = StripeCallRequested(
        account=story.ware.account,
        operation=asked.operation,
        idempotency_key=str(asked.id),
        target="",
        body=asked.body,
        subject=Order.stream_of(story.order_id),
    )
    attempted = StripeCallAttempted(
        number=1,
        http_status=200,
        error_code="",
        request_id=f"req_{asked.id.hex[:14]}",
        replayed=False,
        milliseconds=370,
    )
    for fact, at in (
        (requested, step.at),
        (attempted, answered),
        (StripeCallSucceeded(object_id=asked.object_id), answered),
    ):
        call.apply(fact, at)
        rows.append_events(call, [fact], step, at)
    rows.of[StripeCall].append(call.root)
