"""The catalogue in the admin: items are edited here, at prices as people write them."""

from decimal import Decimal
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext_lazy
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextInputWidget

from core.admin import LocatedActions
from core.money import major_units, minor_units
from core.paging import TextChangeList
from orders.models import Item


class ItemForm(forms.ModelForm):  # type: ignore[type-arg] # generic in the stubs alone
    """The price as people write it, 18.50; the model keeps it in minor units."""

    price = forms.DecimalField(
        min_value=Decimal("0.01"),
        max_digits=12,
        widget=UnfoldAdminTextInputWidget(attrs={"inputmode": "decimal"}),
        help_text="As people write it: 18.50 in usd, 1850 in jpy.",
    )

    class Meta:
        model = Item
        fields: ClassVar = ["name", "description", "currency", "price", "taxes"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.initial["price"] = major_units(self.instance.price, self.instance.currency)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if "price" not in cleaned or "currency" not in cleaned:
            return cleaned
        try:
            cleaned["price"] = minor_units(cleaned["price"], cleaned["currency"])
        except ValidationError as refused:
            self.add_error("price", refused)
        return cleaned


@admin.register(Item)
class ItemAdmin(LocatedActions):
    """The catalogue. What was ordered keeps the name and the price that it was ordered at."""

    form = ItemForm
    list_display = ["name", "price_in_words", "currency"]
    list_filter = ["currency"]
    search_fields = ["name"]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[TextChangeList]:
        return TextChangeList

    @display(description=gettext_lazy("price"), ordering="price")
    def price_in_words(self, item: Item) -> str:
        return item.price_text
