"""`{% load finance %}`: sums of a reconciliation."""

from django import template

from finance.selectors.reconciliation import MonthSums

register = template.Library()


@register.filter
def moved(sums: MonthSums, movement: str) -> int:
    """`{{ sums|moved:"refund" }}`: what moved that way, in minor units, signed."""
    return sums.amount(movement)
