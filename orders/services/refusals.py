"""Refused commands are on record with their order, so that its timeline tells why nothing happened."""

from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from itertools import takewhile

from core.eventlog import provenance
from core.eventlog.facts import encode
from core.models import Event
from orders.decisions.commands import CommandRefused
from orders.events import OrderCommandRefused
from orders.models import Order
from orders.projections import OrderAggregate

# More than there are refusals that can follow each other unrepeated.
LOOKED_AT = 50


def refusals_on_record[**Arguments, Answer](service: Callable[Arguments, Answer]) -> Callable[Arguments, Answer]:
    """Decorator of a service: what it refuses for an order is recorded, then raised on."""

    @wraps(service)
    def recording(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Answer:
        try:
            return service(*args, **kwargs)
        except CommandRefused as refused:
            record_refusal(refused)
            raise

    return recording


def record_refusal(refused: CommandRefused) -> None:
    """In a transaction of its own, since the command's was rolled back; its order may have gone with that."""
    with suppress(Order.DoesNotExist), OrderAggregate.locked(refused.order_id) as order:
        fact = OrderCommandRefused(
            command=refused.command, reason=refused.reason, amount=refused.amount, currency=refused.currency
        )
        if not is_on_record(order.root.stream, fact):
            order.record(fact)


def is_on_record(stream: str, fact: OrderCommandRefused) -> bool:
    """Whether it was refused in the same way, to the same actor, and nothing but refusals has happened since.

    Who presses a button a hundred times, and a job that tries every ten minutes, are told of once.
    """
    kind, _, data = encode(fact)
    recent = Event.objects.filter(stream=stream).order_by("-version")[:LOOKED_AT]
    refusals = takewhile(lambda event: event.kind == kind, recent)
    actor = provenance.current().actor
    return any((event.data, event.actor) == (data, actor) for event in refusals)
