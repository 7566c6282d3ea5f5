"""Discounts and taxes in the admin: edited here, mirrored to Stripe by the worker."""

from decimal import Decimal
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import Exists, Model, OuterRef, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextInputWidget

from billing.admin.at_stripe import STATE_COLORS, AtStripeAdmin
from billing.mirroring import KINDS
from billing.models import CounterpartState, Discount, Tax, plain
from core.money import major_units, minor_units

# The worst first: it is what one should know of a row with several accounts.
STATES = (CounterpartState.FAILED, CounterpartState.PENDING, CounterpartState.SYNCED)
NOWHERE = "nowhere"


class PricingAdmin(AtStripeAdmin):
    """Rows that are edited, and how they stand at Stripe. They are deleted one by one, on their pages."""

    actions = None

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request)
        current = KINDS[self.kind].counterparts.filter(mirror_id=OuterRef("pk"), is_current=True)
        states = {f"is_{state}": Exists(current.filter(state=state)) for state in STATES}
        annotated: QuerySet[Any] = rows.annotate(**states)
        return annotated

    @display(description=gettext_lazy("at Stripe"), label=STATE_COLORS | {NOWHERE: "warning"})
    def at_stripe(self, row: Model) -> str:
        """`nowhere` when no account serves the currency."""
        return next((str(state) for state in STATES if getattr(row, f"is_{state}")), NOWHERE)


class DiscountForm(forms.ModelForm):  # type: ignore[type-arg] # generic in the stubs alone
    """The amount as people write it, 5.00; the model keeps it in minor units."""

    amount_off = forms.DecimalField(
        required=False,
        min_value=Decimal("0.01"),
        max_digits=12,
        widget=UnfoldAdminTextInputWidget(attrs={"inputmode": "decimal"}),
        help_text="As people write it: 5.00 in usd, 500 in jpy.",
    )

    class Meta:
        model = Discount
        fields: ClassVar = ["name", "code", "percent_off", "amount_off", "currency"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.amount_off is not None:
            self.initial["amount_off"] = major_units(self.instance.amount_off, self.instance.currency)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if cleaned.get("amount_off") is not None and cleaned.get("currency"):
            try:
                cleaned["amount_off"] = minor_units(cleaned["amount_off"], cleaned["currency"])
            except ValidationError as refused:
                self.add_error("amount_off", refused)
        return cleaned


@admin.register(Discount)
class DiscountAdmin(PricingAdmin):
    """What an order was placed with stays at that order, whatever is changed here."""

    kind = "discount"
    form = DiscountForm
    list_display = ["name", "code", "off", "at_stripe"]
    search_fields = ["name", "code"]

    @display(description=gettext_lazy("off"))
    def off(self, discount: Discount) -> str:
        return discount.off_text


@admin.register(Tax)
class TaxAdmin(PricingAdmin):
    """As above."""

    kind = "tax"
    fields = ["name", "percentage", "inclusive", "jurisdiction", "country"]
    list_display = ["name", "rate", "inclusive", "jurisdiction", "country", "at_stripe"]
    search_fields = ["name", "jurisdiction"]

    @display(description=gettext_lazy("percentage"), ordering="percentage")
    def rate(self, tax: Tax) -> str:
        return f"{plain(tax.percentage)} %"
