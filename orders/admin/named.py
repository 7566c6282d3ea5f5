"""Lists that tell who did what: the log knows people by their numbers alone."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.http import HttpRequest

from core.admin import ReadOnlyAdmin
from orders.timeline import actor_in_words, staff_names


class NamedActorsAdmin(ReadOnlyAdmin):
    """Base of a list with people in it: the names of all who are on a page are asked for once."""

    def actors_of(self, row: Any) -> Iterable[str]:
        """Whom a row names; '' is nobody."""
        raise NotImplementedError

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        changelist = super().get_changelist_instance(request)
        rows = list(changelist.result_list)
        names = staff_names(actor for row in rows for actor in self.actors_of(row))
        for row in rows:
            row.names = names
        changelist.result_list = rows
        return changelist

    def in_name(self, row: Any, actor: str) -> str:
        """Of one of the row's actors, on the list or on the row's own page."""
        names: Mapping[str, str] | None = getattr(row, "names", None)
        return actor_in_words(actor, staff_names([actor]) if names is None else names) if actor else "-"
