"""Stripe's form encoding: brackets spell nesting, and everything is text.

`line_items[0][price_data][currency]=usd` decodes to `{"line_items": [{"price_data": {"currency": "usd"}}]}` once a
schema says that `line_items` is an array and not an object with the key "0".
"""

import re
from typing import Any
from urllib.parse import parse_qsl

Schema = dict[str, Any]
_SEGMENT = re.compile(r"\[([^\[\]]*)\]")
_INTEGER = re.compile(r"-?\d+")


def decode_form(text: str) -> dict[str, Any]:
    """Decode brackets to nested dicts; `a[]=x` counts up from 0. Values stay text."""
    tree: dict[str, Any] = {}
    for name, value in parse_qsl(text, keep_blank_values=True, encoding="utf-8"):
        head, bracket, tail = name.partition("[")
        _insert(tree, [head, *_SEGMENT.findall(bracket + tail)], value)
    return tree


def _insert(tree: dict[str, Any], path: list[str], value: str) -> None:
    for key in path[:-1]:
        child = tree.setdefault(key or str(len(tree)), {})
        if not isinstance(child, dict):
            child = tree[key] = {}
        tree = child
    tree[path[-1] or str(len(tree))] = value


def coerce(schema: Schema, value: Any) -> Any:
    """Give text the types that the schema wants; what does not fit is left as it is, for the validator to refuse."""
    if "anyOf" in schema:
        return _coerce_any(schema["anyOf"], value)
    if isinstance(value, dict):
        return _coerce_tree(schema, value)
    return _coerce_text(schema.get("type"), value)


def _coerce_any(branches: list[Schema], value: Any) -> Any:
    """The first branch of the value's own shape that changes it or accepts it as text."""
    wants = ("object", "array") if isinstance(value, dict) else ("integer", "number", "boolean", "string")
    for branch in branches:
        if branch.get("type") in wants:
            coerced = coerce(branch, value)
            if coerced != value or branch["type"] == "string":
                return coerced
    return value


def _coerce_tree(schema: Schema, tree: dict[str, Any]) -> Any:
    if schema.get("type") == "array":
        if not all(key.isdigit() for key in tree):
            return tree
        return [coerce(schema.get("items", {}), tree[key]) for key in sorted(tree, key=int)]
    properties = schema.get("properties", {})
    other = schema.get("additionalProperties")
    rest = other if isinstance(other, dict) else {}
    return {key: coerce(properties.get(key, rest), value) for key, value in tree.items()}


def _coerce_text(kind: str | None, text: str) -> Any:
    if kind == "integer" and _INTEGER.fullmatch(text):
        return int(text)
    if kind == "boolean" and text in ("true", "false"):
        return text == "true"
    if kind == "number" and re.fullmatch(r"-?\d+(\.\d+)?", text):
        return float(text)
    return text
