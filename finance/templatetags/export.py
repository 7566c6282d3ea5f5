"""`{% load export %}`: the buttons that export what a list shows."""

from typing import Any

from django import template

register = template.Library()


@register.inclusion_tag("finance/export_buttons.html", takes_context=True)
def export_buttons(context: dict[str, Any], of: str) -> dict[str, str]:
    """`of` is a name of finance.exports.resources.exports; the list is the one whose page this is."""
    return {"of": of, "query": context["cl"].get_query_string(remove=["p", "o", "all"])}
