"""Rows without the ORM are what the ORM would make."""

import json
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, transaction
from django.db.models import Field, JSONField, Model

from core.eventlog.aggregate import aggregates
from core.models import Event
from core.pipeline import Statement
from core.rows import (
    blank_row,
    column_of,
    columns_of,
    insert_rows,
    primary_key,
    rows_from,
    rows_from_json,
    rows_in_json,
    select_rows,
    update_row,
)
from core.trips import ask, write
from orders.models import Item, Order, OrderLine, OrderState

MODELS = [model for aggregate in aggregates.values() for model in (aggregate.root_model, *aggregate.child_models)]
CHILDREN = [model for aggregate in aggregates.values() for model in aggregate.child_models]
STORED = [*MODELS, Event]


def columns(row: Model) -> dict[str, object]:
    return {name: value for name, value in vars(row).items() if name != "_state"}


class TestABlankRow:
    @pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
    def test_is_what_django_makes(self, model: type[Model]) -> None:
        blank, made = blank_row(model), model()
        assert columns(blank) == columns(made)
        assert vars(blank._state) == vars(made._state)

    def test_holds_what_it_is_given(self) -> None:
        assert columns(blank_row(OrderLine, id="7-1", order_id=7)) == columns(OrderLine(id="7-1", order_id=7))

    def test_shares_no_list_with_another(self) -> None:
        blank_row(Order).attention.append("surplus")
        assert blank_row(Order).attention == []


def sample(field: "Field[Any, Any]") -> object:
    """A value of the field's type, as code of ours has it."""
    made = {
        "ArrayField": [],
        "BinaryField": b"\x00\xff",
        "BooleanField": True,
        "DateField": date(2026, 2, 28),
        "DateTimeField": datetime(2026, 2, 28, 23, 59, 59, 999999, UTC),
        "JSONField": {"é": [1, None, "\\", {"deep": True}]},
        "UUIDField": UUID(int=7),
    }
    kind = field.get_internal_type()
    return made.get(kind, "ünï" if "Char" in kind or "Text" in kind else 7)


class TestARow:
    @pytest.mark.parametrize("model", STORED, ids=lambda model: model.__name__)
    def test_is_sent_as_the_orm_sends_it(self, model: type[Model]) -> None:
        fields = model._meta.concrete_fields
        row = blank_row(model, **{field.attname: sample(field) for field in fields})
        for field, ours in zip(fields, columns_of(model).adapted(row), strict=True):
            theirs = field.get_db_prep_save(sample(field), connection)
            if isinstance(field, JSONField):
                assert json.loads(ours.dumps(ours.obj)) == json.loads(theirs.dumps(theirs.obj))
            else:
                assert (type(ours), getattr(ours, "obj", ours)) == (type(theirs), getattr(theirs, "obj", theirs))

    @pytest.mark.django_db
    def test_comes_back_as_the_orm_reads_it(self) -> None:
        made = Order(shopper_id="ann", currency="usd", attention=["surplus"], state=OrderState.PENDING)
        write(insert_rows([made]))
        [read] = rows_from(Order, ask(select_rows(Order, Statement("shopper_id = %s", ("ann",))))[0])
        known = Order.objects.get()
        assert columns(read) == columns(known)
        assert (read._state.adding, read._state.db) == (known._state.adding, known._state.db)

    @pytest.mark.django_db
    def test_without_a_column_reads_it_when_it_is_needed(self) -> None:
        item = Item.objects.create(name="mug", price=100)
        found = ask(select_rows(Item, Statement("id = %s", (item.pk,)), without=("name",)))[0]
        [read] = rows_from(Item, found, without=("name",))
        assert "name" not in vars(read)
        assert read.name == "mug"

    @pytest.mark.django_db
    def test_is_changed_where_it_is_said(self) -> None:
        item = Item.objects.create(name="mug", price=100)
        item.price, item.name = 200, "cup"
        write(update_row(item, ["price"]))
        assert Item.objects.values_list("name", "price").get() == ("mug", 200)


class TestAChild:
    """What lies below a root comes as JSON."""

    @pytest.mark.parametrize("model", CHILDREN, ids=lambda model: model.__name__)
    @pytest.mark.django_db
    def test_comes_back_as_the_orm_reads_it(self, model: type[Model]) -> None:
        stored = blank_row(model, **{field.attname: sample(field) for field in model._meta.concrete_fields})
        with transaction.atomic():  # of which nothing stays: there is no root
            write(insert_rows([stored]))
            known = Statement(f"{column_of(primary_key(model))} = %s", (stored.pk,))
            [[(told,)]] = ask(Statement(f"SELECT {rows_in_json(model, known).sql}", known.params))
            [read], found = rows_from_json(model, told), model._default_manager.get()
            transaction.set_rollback(True)
        assert columns(read) == columns(found)

    def test_of_which_there_is_none_is_none(self) -> None:
        assert rows_from_json(OrderLine, None) == []
