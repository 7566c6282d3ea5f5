"""The form of a refund: which payment, how much of it as people write it, and why."""

import json
import re
from decimal import Decimal
from typing import Any, cast
from uuid import uuid4

from django import forms
from django.core.exceptions import ValidationError
from django.db import models
from django.forms import BoundField
from django.http import QueryDict
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminRadioSelectWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)

from core.money import charged_decimals, exponent, format_money, major_units, minor_units
from orders.decisions.refunding import SURPLUS, Refundable, RefundableLine
from orders.events import RefundedLine
from orders.services.refunding import Returnable
from orders.timeline import moment

ASKED_FOR = "requested_by_customer"
REASONS = [
    (ASKED_FOR, _("The shopper asked for it")),
    ("duplicate", _("It was paid twice")),
    ("fraudulent", _("It is fraudulent")),
    (SURPLUS, _("More came in than is due")),
]
FIGURES = re.compile(r"[0-9]{1,12}(\.[0-9]{1,6})?")
EXAMPLE = 1850  # minor units


class How(models.TextChoices):
    """Whether a refund is of an amount, or of lines."""

    AMOUNT = "amount", _("A sum")
    LINES = "lines", _("Lines of the order")


class RefundForm(forms.Form):
    """`offer` tells all that came in: whether enough of one payment or line is left is judged by the service alone.

    So a form that is sent twice, with its hidden `call_id`, is answered alike both times.
    """

    payment = forms.ChoiceField(label=_("Payment"))
    how = forms.ChoiceField(
        label=_("What is given back"),
        choices=How.choices,
        required=False,
        widget=UnfoldAdminRadioSelectWidget(attrs={"x-model": "how"}, choices=How.choices),
    )
    amount = forms.CharField(
        label=_("Amount"),
        max_length=20,
        required=False,
        widget=UnfoldAdminTextInputWidget(attrs={"inputmode": "decimal", "autocomplete": "off", "x-model": "amount"}),
    )
    reason = forms.ChoiceField(
        choices=REASONS,
        widget=UnfoldAdminSelectWidget,
        label=_("Reason"),
        help_text=_(
            "All but the last are told to Stripe, which blocks the card and the e-mail of a fraudulent payment."
        ),
    )
    call_id = forms.UUIDField(widget=forms.HiddenInput)

    def __init__(self, data: QueryDict | None = None, *, offer: Returnable) -> None:
        # What can't be counted is what a person most likely came for.
        payments = offer.payments
        offered = sorted((one for one in payments if one.left), key=lambda one: one.is_counted) or payments
        chosen = offered[0]
        initial = {
            "payment": chosen.payment_intent,
            "how": How.AMOUNT,
            "amount": amount_in_figures(chosen.left, chosen.currency),
            "reason": SURPLUS if offer.surplus or not chosen.is_counted else ASKED_FOR,
            "call_id": uuid4(),
        }
        super().__init__(data, initial=initial)
        self.payments = {one.payment_intent: one for one in payments}
        self.offered = offered
        self.lines = offer.lines
        self.alone = offer.alone
        field = cast("forms.ChoiceField", self.fields["payment"])
        field.choices = [(one.payment_intent, payment_in_words(one)) for one in payments]
        field.widget = forms.HiddenInput() if len(offered) == 1 else payment_choice(offered)
        for line in self.lines:
            self.fields[f"units_{line.item}"] = units_field(line)
            self.fields[f"part_{line.item}"] = part_field(line)

    def clean(self) -> dict[str, Any]:
        """`minor_units` is the amount as Stripe counts it, `lines` says of which lines it is."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        payment = self.payments.get(cleaned.get("payment", ""))
        cleaned["lines"] = []
        if payment and cleaned.get("how") == How.LINES:
            cleaned["lines"] = [part for line in self.lines if (part := self.part_of(line, payment.currency))]
            cleaned["minor_units"] = sum(part.amount for part in cleaned["lines"])
            if not cleaned["lines"] and not self.errors:
                self.add_error(None, _("Say how many of which line, or how much of it, is given back."))
        elif payment and "amount" in cleaned:
            self.read_into(cleaned, "amount", payment.currency)
        return cleaned

    def read_into(self, cleaned: dict[str, Any], name: str, currency: str) -> None:
        if not cleaned[name]:
            self.add_error(name, self.fields[name].error_messages["required"])
            return
        try:
            cleaned["minor_units"] = read_amount(cleaned[name], currency)
        except ValidationError as wrong:
            self.add_error(name, wrong)

    def part_of(self, line: RefundableLine, currency: str) -> RefundedLine | None:
        """What was written for one line; None where nothing was, or nothing that can be read."""
        units, part = (self.cleaned_data.get(f"{name}_{line.item}") for name in ("units", "part"))
        if part and units:
            self.add_error(f"part_{line.item}", _("Write a quantity or an amount, not both."))
        elif part:
            try:
                return RefundedLine(item=line.item, quantity=0, amount=read_amount(part, currency))
            except ValidationError as wrong:
                self.add_error(f"part_{line.item}", wrong)
        elif units:
            return RefundedLine(item=line.item, quantity=units, amount=line.amount_of(units))
        return None

    def refuse(self, why: str) -> None:
        """Show why, with everything that was written; the next try is another request."""
        self.add_error(None, why)
        self.data = {name: self.data[name] for name in self.data} | {"call_id": str(uuid4())}

    @property
    def chosen(self) -> Refundable:
        """Of which the page speaks first."""
        return self.payments.get(str(self["payment"].value()), self.offered[0])

    @property
    def line_currency(self) -> str:
        """That of money that counts, which alone has paid lines; '' where none has come in."""
        return next((one.currency for one in self.payments.values() if one.is_counted), "")

    @property
    def line_rows(self) -> list[tuple[RefundableLine, str, BoundField, BoundField]]:
        """Each line of which something is left, how much that is, and its two fields."""
        currency = self.line_currency
        return [
            (line, format_money(line.left, currency), self[f"units_{line.item}"], self[f"part_{line.item}"])
            for line in self.lines
            if line.left and currency
        ]

    @property
    def alone_in_words(self) -> str:
        """What of the chosen payment's currency may be given back without a second person; '' where that is any."""
        currency = self.chosen.currency
        alone = self.alone[currency]
        return "" if alone is None else format_money(alone, currency)

    @property
    def figures(self) -> str:
        """JSON for the page's script: of each payment what is left, its currency and decimals; of each line what so
        many units cost, in figures.
        """
        payments = {
            one.payment_intent: {
                "left": amount_in_figures(one.left, one.currency),
                "currency": one.currency.upper(),
                "decimals": decimals_shown(one.currency),
            }
            for one in self.offered
        }
        currency = self.line_currency
        lines = {
            line.item: [amount_in_figures(line.amount_of(units), currency) for units in range(line.units + 1)]
            for line in self.lines
            if currency
        }
        written = {
            str(line.item): {name: str(self[f"{name}_{line.item}"].value() or "") for name in ("units", "part")}
            for line in self.lines
        }
        first = {name: str(self[name].value() or "") for name in ("payment", "how", "amount")}
        return json.dumps({"payments": payments, "prices": lines, "written": written, **first})


def units_field(line: RefundableLine) -> forms.Field:
    attrs = {"x-model": f"written[{line.item}].units", "min": 0, "max": line.units}
    return forms.IntegerField(
        label=_("How many of %(name)s") % {"name": line.name},
        min_value=0,
        max_value=line.quantity,
        required=False,
        widget=UnfoldAdminIntegerFieldWidget(attrs=attrs),
    )


def part_field(line: RefundableLine) -> forms.Field:
    attrs = {"inputmode": "decimal", "autocomplete": "off", "x-model": f"written[{line.item}].part"}
    return forms.CharField(
        label=_("How much of %(name)s") % {"name": line.name},
        max_length=20,
        required=False,
        widget=UnfoldAdminTextInputWidget(attrs=attrs),
    )


def payment_choice(payments: list[Refundable]) -> forms.Widget:
    choices = [(payment.payment_intent, payment_in_words(payment)) for payment in payments]
    return UnfoldAdminRadioSelectWidget(attrs={"x-model": "payment"}, choices=choices)


def payment_in_words(payment: Refundable) -> str:
    left = format_money(payment.left, payment.currency)
    told = {"left": left, "payment": payment.payment_intent, "time": moment(payment.came_in)}
    if payment.is_counted:
        return gettext("%(left)s left of %(payment)s, of %(time)s") % told
    return gettext("%(left)s left of %(payment)s, of %(time)s, which is not counted") % told


def amount_in_figures(amount: int, currency: str) -> str:
    """`1850, "usd"` -> `18.50`; no decimals where the currency is paid in whole units."""
    return f"{major_units(amount, currency):.{decimals_shown(currency)}f}"


def decimals_shown(currency: str) -> int:
    return exponent(currency) if charged_decimals(currency) else 0


def read_amount(text: str, currency: str) -> int:
    """The minor units of an amount as people write it; ValidationError says what is wrong with it."""
    text = text.strip()
    if not FIGURES.fullmatch(text):
        example = amount_in_figures(EXAMPLE, currency)
        wrong = gettext("Write the amount in figures, without a currency or commas, such as %(example)s.")
        raise ValidationError(wrong % {"example": example})
    amount = minor_units(Decimal(text), currency)
    if not amount:
        raise ValidationError(gettext("Nothing would be given back."))
    return amount
