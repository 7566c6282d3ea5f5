"""From the name of a stream to the aggregate behind it, and back."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Exists, F, Model, OuterRef, QuerySet, TextField, Value
from django.db.models.functions import Cast, Concat

from core.eventlog.aggregate import Aggregate, aggregates
from core.models import Event, StreamHead


class UnclaimedStreamError(Exception):
    """No aggregate of this code has streams of that name."""


def aggregate_of(stream: str) -> tuple[type[Aggregate[Any]], Any]:
    """The aggregate class and the root row's key that a stream belongs to; raises UnclaimedStreamError."""
    for aggregate in aggregates.values():
        key = aggregate.root_model.key_in(stream)
        if key is not None:
            try:
                return aggregate, primary_key(aggregate.root_model).to_python(key)
            except ValidationError:
                break
    raise UnclaimedStreamError(stream)


def roots_without_events(root_model: type[StreamHead]) -> QuerySet[StreamHead]:
    """Rows whose stream holds no event: the stream was removed, or the row came from nowhere."""
    events = Event.objects.filter(stream=OuterRef("own_stream"))
    name = Concat(Value(root_model.stream_of("")), Cast(F("pk"), TextField()), output_field=TextField())
    return root_model._default_manager.alias(own_stream=name).filter(~Exists(events))


def primary_key(model: type[Model]) -> Any:
    return model._meta.pk
