"""`apply` of an aggregate: one method for each class of facts."""

from collections.abc import Callable
from functools import singledispatch
from types import MethodType
from typing import Any


class by_fact:  # noqa: N801 a decorator
    """Decorates the `apply` of what no method is registered for; `@apply.register` registers one, by its annotation.

    functools.singledispatchmethod makes a function at each call: a tenth of a replay. Before Python 3.13.2 it also kept
    every aggregate for ever (CPython's issue 127750).
    """

    def __init__(self, otherwise: Callable[..., None]) -> None:
        methods = singledispatch(otherwise)
        self.register: Callable[[Callable[..., None]], Any] = methods.register
        self._method_for = methods.dispatch

    def __get__(self, aggregate: object, _owner: type | None = None) -> Callable[[object, Any], None]:
        return MethodType(self, aggregate)

    def __call__(self, aggregate: object, fact: object, recorded_at: object) -> None:
        self._method_for(type(fact))(aggregate, fact, recorded_at)
