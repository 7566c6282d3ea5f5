"""Rows without the ORM are what the ORM would make."""

import pytest
from django.db.models import Model

from core.eventlog.aggregate import aggregates
from core.rows import blank_row
from orders.models import Order, OrderLine

MODELS = [model for aggregate in aggregates.values() for model in (aggregate.root_model, *aggregate.child_models)]


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
