"""An aggregate: one stream, the row that is its fold, and the rows below it.

A service loads it locked, lets a `decide_*` function return facts, records them and saves, all in one transaction.
Replay takes the same `apply`, so what a row says is what its events say.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, ClassVar, Self, cast

from django.db.models import Model
from django.utils import timezone

from core.chain import Head
from core.eventlog.append import RecordedFact, appending
from core.models import StreamHead
from core.pipeline import Row, Statement
from core.rows import (
    blank_row,
    by_key,
    delete_rows,
    insert_rows,
    primary_key,
    quoted,
    rows_from,
    rows_from_json,
    rows_in_json,
    select_rows,
    update_row,
    upsert_rows,
)
from core.trips import ask, transaction_in_trips, write

aggregates: dict[str, "type[Aggregate[Any]]"] = {}


class Aggregate[Root: StreamHead]:
    """Base of all aggregates; a subclass names its models and implements `apply`.

    `child_models` maps each model below the root to the name of its column that holds the root's key. Their primary
    keys are natural (made of ids that stand in the facts), so that a rebuild gives equal rows.
    """

    root_model: ClassVar[type[StreamHead]]
    child_models: ClassVar[dict[type[Model], str]] = {}

    def __init_subclass__(cls) -> None:
        if hasattr(cls, "root_model"):  # a base that several aggregates share has none
            aggregates[cls.root_model.stream_prefix] = cls

    def __init__(self, root: Root, *, stored: bool) -> None:
        self.root = root
        self._stored = stored
        self._children: dict[type[Model], dict[Any, Model]] = {}
        self._touched: dict[type[Model], dict[Any, Model]] = {}
        self._dropped: dict[type[Model], set[Any]] = {}
        self._facts: list[object] = []
        self._now = timezone.now()

    @classmethod
    def begin(cls, key: object) -> Self:
        """A stream without events; its row is inserted by `save`."""
        root = blank_row(cls.root_model, **{primary_key(cls.root_model).attname: key})
        return cls(cast("Root", root), stored=False)

    @classmethod
    def load_locked(cls, key: object, *children: type[Model]) -> Self:
        """The aggregate, its row locked until the transaction ends; the root model's DoesNotExist when there is none.

        Children of these models are read in the same trip, all others when they are asked for.
        """
        root = by_key(cls.root_model, key)
        found, *below = ask(cls.locking(root), *([cls.below(root, children)] if children else []))
        loaded = cls.loaded(found, below[0][0] if below else (), children)
        if loaded is None:
            raise cls.root_model.DoesNotExist
        return loaded

    @classmethod
    def locking(cls, key: Statement) -> Statement:
        """What locks and reads the row of a key, which is an expression of SQL.

        Children are read by later statements: one statement that locks and reads them would see them as they were
        before it waited for the lock.
        """
        return cls.reading(key, locked=True)

    @classmethod
    def reading(cls, key: Statement, *, locked: bool = False) -> Statement:
        """What reads the row of a key, for who only looks."""
        by = key._replace(sql=f"{cls.root_model._meta.pk.column} = {key.sql}")
        return select_rows(cls.root_model, by, locked=locked)

    @classmethod
    def below(cls, key: Statement, children: Sequence[type[Model]], *others: Statement) -> Statement:
        """What reads the rows of these models below the root of a key, and other expressions, which may use `root.key`.

        In one statement, since each has its price on both sides, however few rows it brings.
        """
        owned = [rows_in_json(model, Statement(f"{quoted(cls.child_models[model])} = root.key")) for model in children]
        wanted = [*owned, *others]
        root, columns = f"SELECT {key.sql} AS key", ", ".join(one.sql for one in wanted)
        sql = f"WITH root AS MATERIALIZED ({root}) SELECT {columns} FROM root"  # noqa: S608 our own names
        return Statement(sql, (*key.params, *(value for one in wanted for value in one.params)))

    @classmethod
    def loaded(
        cls, found: Iterable[Row], below: Sequence[str | None] = (), children: Sequence[type[Model]] = ()
    ) -> Self | None:
        """The aggregate of what `locking` brought, and `below` for these children; None when there is no such row."""
        for root in rows_from(cls.root_model, found):
            aggregate = cls(cast("Root", root), stored=True)
            for model, rows in zip(children, below, strict=True):
                aggregate._children[model] = {child.pk: child for child in rows_from_json(model, rows)}
            return aggregate
        return None

    @classmethod
    @contextmanager
    def locked(cls, key: object, *children: type[Model]) -> Iterator[Self]:
        """A transaction around one decision: load, let the caller record facts, save."""
        with transaction_in_trips():
            aggregate = cls.load_locked(key, *children)
            yield aggregate
            aggregate.save()

    @classmethod
    def fold(cls, key: object, facts: Iterable[RecordedFact]) -> Self:
        """The aggregate as its events say it is, read from nothing else."""
        aggregate, last = cls.begin(key), None
        for fact, last in facts:
            aggregate.apply(fact, last.recorded_at)
        if last is not None:
            aggregate.root.head = Head(last.version, bytes(last.digest))
        return aggregate

    def apply(self, fact: object, recorded_at: datetime) -> None:
        """Change the rows as the fact says. Never refuses: deciding came before, maybe under other rules."""
        raise NotImplementedError

    def record(self, *facts: object) -> None:
        """Apply facts at once and keep them for `save`."""
        for fact in facts:
            self.apply(fact, self._now)
            self._facts.append(fact)

    def save(self) -> None:
        """Append what was recorded and store the rows; nothing recorded, nothing written."""
        if not self._facts:
            return
        events, self.root.head = appending(self.root.stream, self.root.head, self._facts, self._now)
        write(
            events,
            update_row(self.root) if self._stored else insert_rows([self.root]),
            *(delete_rows(model, keys) for model, keys in self._dropped.items()),
            *(upsert_rows([*touched.values()]) for touched in self._touched.values() if touched),
        )
        self._stored = True
        for noted in (self._facts, self._touched, self._dropped):
            noted.clear()

    def children[Child: Model](self, model: type[Child]) -> dict[Any, Child]:
        """The rows of one child model by primary key, read once and only when asked for."""
        if model not in self._children:
            self._children[model] = {}
            if self._stored:
                [[(found,)]] = ask(self.below(by_key(self.root_model, self.root.pk), [model]))
                self._children[model] = {child.pk: child for child in rows_from_json(model, found)}
        return cast("dict[Any, Child]", self._children[model])

    def touch[Child: Model](self, model: type[Child], key: object) -> Child:
        """The child with this key, made when there is none; it will be stored."""
        children = self.children(model)
        if key not in children:
            owner = {self.child_models[model]: self.root.pk}
            children[key] = blank_row(model, **{primary_key(model).attname: key}, **owner)
        self._touched.setdefault(model, {})[key] = children[key]
        return children[key]

    def drop[Child: Model](self, model: type[Child], key: object) -> None:
        """Take the child with this key away, if there is one."""
        if self.children(model).pop(key, None) is not None:
            self._touched.get(model, {}).pop(key, None)
            self._dropped.setdefault(model, set()).add(key)


def store_children(model: type[Model], rows: Iterable[Model]) -> None:
    """Insert or update rows in one statement."""
    columns = [field.name for field in model._meta.concrete_fields if not field.primary_key]
    model._default_manager.bulk_create(
        rows, update_conflicts=True, unique_fields=[model._meta.pk.name], update_fields=columns
    )
