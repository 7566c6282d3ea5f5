"""Facts: what happened, as frozen dataclasses, and the codec between them and the log's rows.

A fact holds ids, amounts (integer minor units), states and what folding needs. It never holds names, e-mails,
addresses, card data or free text: the log can't forget.
"""

from collections.abc import Callable
from dataclasses import is_dataclass
from typing import Any, NamedTuple

import msgspec

type Data = dict[str, Any]
type Upcaster = Callable[[Data], Data]


class FactType(NamedTuple):
    kind: str
    schema: int
    fact_class: type
    from_json: Callable[[str], Any]


class UnknownFactError(Exception):
    """The log holds a kind, or a schema of it, that this version of the code can't read; deploy the code that wrote
    it.
    """


class FloatInFactError(Exception):
    """A fact holds a float; amounts are integers in minor units, and JSON does not give floats back bit for bit."""


_types_by_kind: dict[str, FactType] = {}
_types_by_class: dict[type, FactType] = {}
_upcasters: dict[tuple[str, int], Upcaster] = {}


def fact[T](kind: str, *, schema: int = 1) -> Callable[[type[T]], type[T]]:
    """Class decorator: registers a frozen dataclass as the facts of this dotted, past-tense kind."""

    def register(fact_class: type[T]) -> type[T]:
        if kind in _types_by_kind:
            raise ValueError(f"two fact classes claim the kind {kind}")
        from_json = msgspec.json.Decoder(fact_class).decode
        _types_by_kind[kind] = _types_by_class[fact_class] = FactType(kind, schema, fact_class, from_json)
        return fact_class

    return register


def upcaster(kind: str, *, schema: int) -> Callable[[Upcaster], Upcaster]:
    """Decorator: turns the data of `schema` into that of `schema + 1`, so that old events stay readable."""

    def register(function: Upcaster) -> Upcaster:
        _upcasters[kind, schema] = function
        return function

    return register


def encode(value: object) -> tuple[str, int, Data]:
    """`(kind, schema, data)` of a fact; data is integers, strings, booleans, nulls, lists and objects of them."""
    if not is_dataclass(value) or type(value) not in _types_by_class:
        raise UnknownFactError(f"{type(value).__name__} is not registered as a fact")
    kind, schema, *_ = _types_by_class[type(value)]
    data: Data = msgspec.to_builtins(value)
    refuse_floats(data, kind)
    return kind, schema, data


def decode(kind: str, schema: int, data: Data) -> Any:
    """The fact that was encoded, brought up to the schema of today."""
    known = type_of(kind, schema)
    for old in range(schema, known.schema):
        data = _upcasters[kind, old](data)
    return msgspec.convert(data, known.fact_class)


def decode_json(kind: str, schema: int, json: str) -> Any:
    """The same of its data as JSON, which is read right into the fact where its schema is today's."""
    known = type_of(kind, schema)
    return known.from_json(json) if schema == known.schema else decode(kind, schema, msgspec.json.decode(json))


def type_of(kind: str, schema: int) -> FactType:
    known = _types_by_kind.get(kind)
    if known is None or schema > known.schema:
        raise UnknownFactError(f"{kind} of schema {schema}")
    return known


def refuse_floats(value: object, kind: str) -> None:
    if isinstance(value, float):
        raise FloatInFactError(kind)
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            refuse_floats(item, kind)
