"""`{% load money %}`: amounts as a person reads them."""

from django import template

from core.money import format_money

register = template.Library()


@register.filter
def money(amount: int, currency: str) -> str:
    """An amount in minor units: `{{ 1050|money:"usd" }}` -> `$10.50`."""
    return format_money(amount, currency)
