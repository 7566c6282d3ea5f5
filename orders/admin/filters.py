"""The filters of the list of orders: each is part of the address, and they go together in any way."""

from collections.abc import Iterator
from datetime import datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.contrib.admin import SimpleListFilter
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import DropdownFilter
from unfold.contrib.filters.forms import AutocompleteDropdownForm
from unfold.widgets import INPUT_CLASSES

from billing.admin import AccountFilter
from core.money import minor_units
from orders.finding import BIGINT_DIGITS
from orders.models import Attention, Item, Order, OrderLine

# In major units; beyond it lies nothing that Stripe charges (billing.limits).
MOST = Decimal(10) ** 12


class CurrencyFilter(DropdownFilter):
    """By currency. The choices are those of the catalogue: finding those in a long table reads all of it."""

    title = gettext_lazy("currency")
    parameter_name = "currency"

    def lookups(self, request: HttpRequest, model_admin: "admin.ModelAdmin[Any]") -> list[tuple[str, str]]:
        codes = Item.objects.order_by("currency").values_list("currency", flat=True).distinct()
        return [(code, code.upper()) for code in codes]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Order]) -> QuerySet[Order]:
        return queryset.filter(currency=self.value()) if self.value() else queryset


class OrderAccountFilter(DropdownFilter, AccountFilter):
    """As in the other lists, in the form of this one."""


class AttentionFilter(DropdownFilter):
    """By a reason why a person should look, or by any."""

    title = gettext_lazy("attention")
    parameter_name = "attention"

    def lookups(self, request: HttpRequest, model_admin: "admin.ModelAdmin[Any]") -> list[tuple[str, str]]:
        return [("any", _("any reason")), *((reason.value, str(reason.label)) for reason in Attention)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Order]) -> QuerySet[Order]:
        if not self.value():
            return queryset
        # Said for every reason: the partial index is used by who says so.
        wanting = queryset.exclude(attention=[])
        return wanting if self.value() == "any" else wanting.filter(attention__contains=[self.value()])


class PeriodFilter(DropdownFilter):
    """By the day on which it was placed, as the person counts days."""

    title = gettext_lazy("placed")
    parameter_name = "placed"

    def lookups(self, request: HttpRequest, model_admin: "admin.ModelAdmin[Any]") -> list[tuple[str, str]]:
        return [("today", _("today")), ("week", _("the last 7 days")), ("month", _("this month"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Order]) -> QuerySet[Order]:
        today = timezone.localdate()
        since = {"today": today, "week": today - timedelta(days=6), "month": today.replace(day=1)}.get(
            self.value() or ""
        )
        return queryset.filter(placed_at__gte=midnight(datetime.combine(since, time()))) if since else queryset


class RangeForm(forms.Form):
    """From and to, whatever was typed: the filter itself says what is wrong with it."""

    attrs: ClassVar[dict[str, str]] = {"inputmode": "decimal"}
    labels: ClassVar = {"from": gettext_lazy("From"), "to": gettext_lazy("To")}

    def __init__(self, name: str, data: dict[str, str]) -> None:
        super().__init__(data)
        for end, label in self.labels.items():
            attrs = self.attrs | {"placeholder": label, "aria-label": label, "class": " ".join(INPUT_CLASSES)}
            widget = forms.TextInput(attrs=attrs)
            self.fields[f"{name}_{end}"] = forms.CharField(required=False, label=label, widget=widget)


class DayRangeForm(RangeForm):
    attrs: ClassVar = {"type": "date"}
    labels: ClassVar = {"from": gettext_lazy("Placed from"), "to": gettext_lazy("Placed until")}


class RangeFilter(SimpleListFilter):
    """Two ends, either of which may be open. What can't be read is said, and finds nothing."""

    template = "unfold/filters/filters_numeric_range.html"
    form_class: ClassVar[type[RangeForm]] = RangeForm
    parameter_name: str

    def __init__(
        self, request: HttpRequest, params: dict[str, Any], model: type[Order], model_admin: "admin.ModelAdmin[Any]"
    ) -> None:
        super().__init__(request, params, model, model_admin)
        self.asked = {name: params.pop(name, [""])[-1].strip() for name in self.expected_parameters() if name}

    def lookups(self, request: HttpRequest, model_admin: "admin.ModelAdmin[Any]") -> list[tuple[str, str]]:
        return [("", "")]  # a filter without any is not shown

    def expected_parameters(self) -> list[str | None]:
        return [f"{self.parameter_name}_from", f"{self.parameter_name}_to"]

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        yield {"form": self.form_class(self.parameter_name, self.asked)}

    def queryset(self, request: HttpRequest, queryset: QuerySet[Order]) -> QuerySet[Order]:
        least, most = (self.asked[f"{self.parameter_name}_{end}"] for end in ("from", "to"))
        if not least and not most:
            return queryset
        try:
            return self.between(request, queryset, least, most)
        except ValidationError as refused:
            messages.error(request, " ".join(refused.messages))
            return queryset.none()

    def between(self, request: HttpRequest, queryset: QuerySet[Order], least: str, most: str) -> QuerySet[Order]:
        """Raises ValidationError; '' is an open end."""
        raise NotImplementedError


class PlacedFilter(RangeFilter):
    """Both days belong to the range. PeriodFilter, which is before it, has taken `placed` itself out of the address."""

    title = gettext_lazy("day it was placed")
    parameter_name = "placed"
    # One below the other: a phone's field for a day is wide.
    template = "unfold/filters/filters_field.html"
    form_class = DayRangeForm

    def between(self, request: HttpRequest, queryset: QuerySet[Order], least: str, most: str) -> QuerySet[Order]:
        if least:
            queryset = queryset.filter(placed_at__gte=midnight(day(least)))
        if most:
            queryset = queryset.filter(placed_at__lt=midnight(day(most) + timedelta(days=1)))
        return queryset


class AmountFilter(RangeFilter):
    """The total, as people write it, in the currency that is chosen."""

    title = gettext_lazy("total")
    parameter_name = "amount"

    def between(self, request: HttpRequest, queryset: QuerySet[Order], least: str, most: str) -> QuerySet[Order]:
        currency = request.GET.get("currency", "")
        if not currency:
            raise ValidationError(_("Choose a currency too: amounts are compared within one."))
        if least:
            queryset = queryset.filter(total__gte=amount(least, currency))
        if most:
            queryset = queryset.filter(total__lte=amount(most, currency))
        return queryset


class ItemFilter(SimpleListFilter):
    """By an item that is in the order: looked for by name, an id in the address."""

    title = gettext_lazy("item")
    parameter_name = "item"
    template = "unfold/filters/filters_field.html"
    form_class = AutocompleteDropdownForm

    def __init__(
        self, request: HttpRequest, params: dict[str, Any], model: type[Order], model_admin: "admin.ModelAdmin[Any]"
    ) -> None:
        super().__init__(request, params, model, model_admin)
        self.request, self.model_admin = request, model_admin

    def lookups(self, request: HttpRequest, model_admin: "admin.ModelAdmin[Any]") -> list[tuple[str, str]]:
        return [("", "")]  # as above

    @property
    def item_id(self) -> int | None:
        asked = self.value() or ""
        return int(asked) if asked.isascii() and asked.isdecimal() and len(asked) <= BIGINT_DIGITS else None

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        form = self.form_class(
            request=self.request,
            name=self.parameter_name,
            label=_("By item"),
            choices=(),
            field=OrderLine._meta.get_field("item"),
            model_admin=self.model_admin,
            data={self.parameter_name: self.item_id},
        )
        yield {"form": form}

    def queryset(self, request: HttpRequest, queryset: QuerySet[Order]) -> QuerySet[Order]:
        if not self.value():
            return queryset
        if self.item_id is None:
            messages.error(request, _("An item is named by its number."))
            return queryset.none()
        # It stands in one line of an order at most, so that the join gives no order twice.
        return queryset.filter(lines__item_id=self.item_id)


def midnight(day_begins: datetime) -> datetime:
    """In the time zone of the person."""
    return timezone.make_aware(day_begins)


def day(text: str) -> datetime:
    """`2026-11-25`, at 0:00 without a time zone; raises ValidationError."""
    try:
        found = parse_date(text)
    except ValueError:
        found = None
    if found is None or not 1 < found.year < 9999:  # noqa: PLR2004 the calendar's ends, where no day can be added
        raise ValidationError(_("A day is written as 2026-11-25."))
    return datetime.combine(found, time())


def amount(text: str, currency: str) -> int:
    """`18.50` or `18,50` in minor units; raises ValidationError."""
    try:
        found = Decimal(text.replace(",", ".")) if text.isascii() else Decimal("NaN")
    except InvalidOperation:
        found = Decimal("NaN")
    if not found.is_finite() or found < 0:
        raise ValidationError(_("An amount is a number such as 18.50."))
    if found > MOST:
        raise ValidationError(_("No order has an amount like that: the number is too large."))
    return minor_units(found, currency)
