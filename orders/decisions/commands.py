"""Commands that an order does not take: each refusal has a code for the log, and words for people."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import ClassVar

from django.utils.translation import gettext

from core.money import format_money
from core.refusals import Refusal


class CommandRefused(Refusal):
    """Base of the refusals that follow from how an order stands; `orders.services.refusals` puts them on record.

    `words` holds what people read, by code; `{amount}` in it is `amount`, in minor units of `currency`. `order_id` is
    None where no order is there yet.
    """

    status = HTTPStatus.CONFLICT
    command: ClassVar[str]
    words: ClassVar[Mapping[str, str]]

    def __init__(self, *, order_id: int | None, reason: str, amount: int | None = None, currency: str = "") -> None:
        self.order_id, self.reason, self.amount, self.currency = order_id, reason, amount, currency
        said = "" if amount is None else format_money(amount, currency)
        super().__init__(reason=gettext(self.words[reason]).format(amount=said))
        self.ids = {"order_id": order_id, "reason": reason}
