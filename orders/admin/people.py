"""Who did it, by name, in lists."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.http import HttpRequest

from core.admin import ReadOnlyAdmin
from orders.timeline import actor_in_words, staff_names


def in_name(actor: str, names: Mapping[str, str] | None = None) -> str:
    return actor_in_words(actor, staff_names([actor]) if names is None else names) if actor else "-"


class NamedStaffAdmin(ReadOnlyAdmin):
    """The names of all who are on a page of the list are asked for once; `actors_of` says who is in a row."""

    def actors_of(self, row: Any) -> Iterable[str]:
        raise NotImplementedError

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        changelist = super().get_changelist_instance(request)
        rows = list(changelist.result_list)
        names = staff_names(actor for row in rows for actor in self.actors_of(row))
        for row in rows:
            row.names = names
        changelist.result_list = rows
        return changelist

    def name_in(self, row: Any, actor: str) -> str:
        return in_name(actor, getattr(row, "names", None))
