"""Pages of lists of any length: a page is found by the keys of the row beside it, and counting stops at a bound.

An OFFSET reads all that it passes over, and a count all that there is; both would be felt from a million rows on.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ORDER_VAR, PAGE_VAR
from django.core.exceptions import ValidationError
from django.db import DataError
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from unfold.views import ChangeList

COUNTED_TO = 10_000
SEPARATOR = "~"
AFTER, BEFORE, LAST = "after", "before", "last"


class Key(NamedTuple):
    """A column that the list is ordered by."""

    field: Any  # a Field
    is_descending: bool

    def behind(self, value: object, *, or_at: bool = False, backwards: bool = False) -> Q:
        """The rows that come after those with this value, in the list's order or against it."""
        lookup = "lt" if self.is_descending != backwards else "gt"
        return Q(**{f"{self.field.attname}__{lookup}{'e' if or_at else ''}": value})


class Place(NamedTuple):
    """Where a page lies: `after` or `before` the row with these keys, at the `last` end, or ('') at the first."""

    side: str = ""
    values: tuple[object, ...] = ()

    @property
    def is_read_backwards(self) -> bool:
        return self.side in {BEFORE, LAST}


class Pages:
    """Stands where Django's paginator does: the links beside a page, and how many rows there are if that is known."""

    template_name = "core/pages.html"

    def __init__(self, changes: "KeysetChangeList", place: Place, count: int | None, *, more: bool) -> None:
        """`more` says whether there are rows beyond the page, on the side that was read towards."""
        rows = changes.result_list
        self.count = count
        is_first = not place.side or (place.side == BEFORE and not more)
        is_last = place.side == LAST or (not place.is_read_backwards and not more)
        self.first = "" if is_first else changes.get_query_string()
        self.last = "" if is_last else changes.address_of(Place(LAST))
        self.previous = "" if is_first or not rows else changes.address_of(Place(BEFORE, changes.values_of(rows[0])))
        self.next = "" if is_last or not rows else changes.address_of(Place(AFTER, changes.values_of(rows[-1])))

    @property
    def count_text(self) -> str:
        """`37`, or `10,000+` where counting stopped."""
        if self.count is None:
            return ""
        return f"{COUNTED_TO:,}+" if self.count > COUNTED_TO else f"{self.count:,}"


class TextChangeList(ChangeList):
    """Django's, whose filters ask for texts that PostgreSQL can hold: none has a NUL in it."""

    def get_filters_params(self, params: dict[str, Any] | None = None) -> dict[str, Any]:
        found: dict[str, Any] = super().get_filters_params(params)
        if any("\0" in str(value) for values in found.values() for value in values):
            raise IncorrectLookupParameters
        return found


class KeysetChangeList(TextChangeList):
    """A list in its admin's own order, of which the columns must never be null.

    Keys are read before rows: where an index holds the filtered columns too, what is passed over is passed over in that
    index, and only the rows of the page are fetched.
    """

    result_list: Sequence[Model]

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[Any]:
        """Whatever an address asks for: there is an index for one order."""
        self.params.pop(ORDER_VAR, None)
        return list(super().get_ordering(request, queryset))

    def get_results(self, request: HttpRequest) -> None:
        self.keys = self.keys_of(self.queryset.query.order_by)
        place = self.place_in(request.GET.get(PAGE_VAR, ""))
        try:
            # The first page is found and counted in one go: where little matches, each would pass over as much.
            found = self.keys_at(place, self.list_per_page if place.side else COUNTED_TO)
        except DataError as unheard_of:  # no value of an enumeration, a time before PostgreSQL's first
            raise IncorrectLookupParameters from unheard_of
        listed, more = found[: self.list_per_page], len(found) > self.list_per_page
        by_key = self.apply_select_related(self.root_queryset).order_by().in_bulk(listed)
        rows = [by_key[key] for key in listed if key in by_key]
        self.result_list = rows[::-1] if place.is_read_backwards else rows
        count = None if place.side else len(found)
        self.result_count = self.full_result_count = len(listed) if count is None else count
        self.multi_page = self.can_show_all = self.show_full_result_count = False
        self.show_admin_actions = True
        self.paginator = Pages(self, place, count, more=more)

    def keys_at(self, place: Place, limit: int) -> list[Any]:
        """The primary keys of the rows from a place on, at most one more than `limit`."""
        rows = self.queryset
        if place.values:
            rows = rows.filter(behind(self.keys, place.values, backwards=place.side == BEFORE))
        if place.is_read_backwards:
            rows = rows.reverse()
        return list(rows.values_list(self.pk_name, flat=True)[: limit + 1])

    @property
    def pk_name(self) -> str:
        return str(self.opts.pk.attname)

    def keys_of(self, ordering: Iterable[object]) -> list[Key]:
        """Up to the primary key, which Django appends to what it does not know to be unique: none are equal in it."""
        keys = [self.key_named(str(name)) for name in ordering]
        end = next((index for index, key in enumerate(keys, 1) if key.field.primary_key), len(keys))
        return keys[:end]

    def key_named(self, name: str) -> Key:
        plain = name.removeprefix("-")
        return Key(self.opts.get_field(self.pk_name if plain == "pk" else plain), name.startswith("-"))

    def place_in(self, text: str) -> Place:
        """The place that an address names; the first page for what names none, as Django's own lists have it."""
        if "\0" in text:
            raise IncorrectLookupParameters  # as no filter does
        side, *texts = text.split(SEPARATOR, len(self.keys))
        if side == LAST and not texts:
            return Place(LAST)
        if side not in {AFTER, BEFORE} or len(texts) != len(self.keys):
            return Place()
        try:
            values = (key.field.to_python(value) for key, value in zip(self.keys, texts, strict=True))
            return Place(side, tuple(values))
        except ValidationError as malformed:
            raise IncorrectLookupParameters from malformed

    def values_of(self, row: Model) -> tuple[object, ...]:
        return tuple(getattr(row, key.field.attname) for key in self.keys)

    def address_of(self, place: Place) -> str:
        texts = (value.isoformat() if hasattr(value, "isoformat") else str(value) for value in place.values)
        return str(self.get_query_string({PAGE_VAR: SEPARATOR.join([place.side, *texts])}))

    @property
    def page_links(self) -> list[tuple[str, str]]:
        """What each link says, and its address; '' where it leads nowhere."""
        pages = self.paginator
        return [
            (_("First"), pages.first),
            (_("Previous"), pages.previous),
            (_("Next"), pages.next),
            (_("Last"), pages.last),
        ]


def behind(keys: Sequence[Key], values: Sequence[object], *, backwards: bool) -> Q:
    """The rows after those values; its first part is one that an index on the first key is entered by."""
    key, value = keys[0], values[0]
    strictly = key.behind(value, backwards=backwards)
    if len(keys) == 1:
        return strictly
    at_or_behind = key.behind(value, or_at=True, backwards=backwards)
    return at_or_behind & (strictly | behind(keys[1:], values[1:], backwards=backwards))
