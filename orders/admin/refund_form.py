"""The form of a refund: which payment, how much of it as people write it, and why."""

import json
import re
from decimal import Decimal
from typing import Any, cast
from uuid import uuid4

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict
from unfold.widgets import UnfoldAdminRadioSelectWidget, UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from core.money import charged_decimals, exponent, format_money, major_units, minor_units
from orders.decisions.refunding import SURPLUS, Refundable
from orders.timeline import moment

ASKED_FOR = "requested_by_customer"
REASONS = [
    (ASKED_FOR, "The shopper asked for it"),
    ("duplicate", "It was paid twice"),
    ("fraudulent", "It is fraudulent"),
    (SURPLUS, "More came in than is due"),
]
FIGURES = re.compile(r"[0-9]{1,12}(\.[0-9]{1,6})?")
EXAMPLE = 1850  # minor units


class RefundForm(forms.Form):
    """`payments` are all that came in: whether enough of one is left is judged by the service alone.

    So a form that is sent twice, with its hidden `call_id`, is answered alike both times.
    """

    payment = forms.ChoiceField()
    amount = forms.CharField(
        max_length=20,
        widget=UnfoldAdminTextInputWidget(attrs={"inputmode": "decimal", "autocomplete": "off", "x-model": "amount"}),
    )
    reason = forms.ChoiceField(
        choices=REASONS,
        widget=UnfoldAdminSelectWidget,
        help_text="All but the last are told to Stripe, which blocks the card and the e-mail of a fraudulent payment.",
    )
    call_id = forms.UUIDField(widget=forms.HiddenInput)

    def __init__(self, data: QueryDict | None = None, *, payments: list[Refundable], surplus: bool) -> None:
        # What can't be counted is what a person most likely came for.
        offered = sorted((one for one in payments if one.left), key=lambda one: one.is_counted) or payments
        chosen = offered[0]
        initial = {
            "payment": chosen.payment_intent,
            "amount": amount_in_figures(chosen.left, chosen.currency),
            "reason": SURPLUS if surplus or not chosen.is_counted else ASKED_FOR,
            "call_id": uuid4(),
        }
        super().__init__(data, initial=initial)
        self.payments = {one.payment_intent: one for one in payments}
        self.offered = offered
        field = cast("forms.ChoiceField", self.fields["payment"])
        field.choices = [(one.payment_intent, payment_in_words(one)) for one in payments]
        field.widget = forms.HiddenInput() if len(offered) == 1 else payment_choice(offered)

    def clean(self) -> dict[str, Any]:
        """`minor_units` is the amount as Stripe counts it."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        payment = self.payments.get(cleaned.get("payment", ""))
        if payment and "amount" in cleaned:
            try:
                cleaned["minor_units"] = read_amount(cleaned["amount"], payment.currency)
            except ValidationError as wrong:
                self.add_error("amount", wrong)
        return cleaned

    def refuse(self, why: str) -> None:
        """Show why, with everything that was written; the next try is another request."""
        self.add_error(None, why)
        self.data = {name: self.data[name] for name in self.data} | {"call_id": str(uuid4())}

    @property
    def chosen(self) -> Refundable:
        """Of which the page speaks first."""
        return self.payments.get(str(self["payment"].value()), self.offered[0])

    @property
    def lefts(self) -> str:
        """JSON for the page's script: what is left of each payment, in figures, and its currency."""
        figures = {
            one.payment_intent: [amount_in_figures(one.left, one.currency), one.currency.upper()]
            for one in self.offered
        }
        return json.dumps(figures)


def payment_choice(payments: list[Refundable]) -> forms.Widget:
    choices = [(payment.payment_intent, payment_in_words(payment)) for payment in payments]
    return UnfoldAdminRadioSelectWidget(attrs={"x-model": "payment"}, choices=choices)


def payment_in_words(payment: Refundable) -> str:
    left = format_money(payment.left, payment.currency)
    which = "" if payment.is_counted else ", which is not counted"
    return f"{left} left of {payment.payment_intent}, of {moment(payment.came_in)}{which}"


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
        raise ValidationError(f"Write the amount in figures, without a currency or commas, such as {example}.")
    amount = minor_units(Decimal(text), currency)
    if not amount:
        raise ValidationError("Nothing would be given back.")
    return amount
