"""Attention that a person clears: what does not follow from the sums does not go by itself."""

from collections.abc import Iterator

from django.utils.translation import gettext_noop as _

from orders.decisions.commands import CommandRefused
from orders.decisions.money import FROM_SUMS
from orders.events import OrderAttentionCleared
from orders.projections import OrderAggregate


class AttentionNotClearable(CommandRefused):
    """What follows from the money stands until the money is right."""

    code = "attention_not_clearable"
    message = _("This can't be cleared: {reason}.")
    command = "clear_attention"
    words = {"from_sums": _("it goes by itself once the money is right")}


def decide_clearing(order: OrderAggregate, reason: str) -> Iterator[OrderAttentionCleared]:
    """Somebody has looked; nothing when the order has no such reason (any more). Raises AttentionNotClearable."""
    if reason in FROM_SUMS:
        raise AttentionNotClearable(order_id=order.root.pk, reason="from_sums")
    if reason in order.root.attention:
        yield OrderAttentionCleared(reason=reason)
