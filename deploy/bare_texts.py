"""Texts that a person reads and that no gettext function marks: found where they are most easily forgotten."""

import ast
from collections.abc import Iterator

MESSAGES = {"add_message": 2, "debug": 1, "info": 1, "success": 1, "warning": 1, "error": 1}  # where the text stands
# Stripe's names of things, which are the same in every language.
NAMES = frozenset({"Checkout Session", "PaymentIntent"})


def bare_texts(code: str) -> Iterator[tuple[int, str]]:
    """Line and text of each: of a ValidationError, of a message of Django's, in a `words` dict, of a choice."""
    for node in ast.walk(ast.parse(code)):
        for text in read_texts(node):
            yield from ((text.lineno, ast.unparse(one)) for one in bare_parts(text))


def read_texts(node: ast.AST) -> list[ast.expr]:
    """The expressions in this node that become a text for people."""
    match node:
        case ast.Call(func=ast.Name(id="ValidationError"), args=args):
            return args[:1]
        case ast.Call(func=ast.Attribute(value=ast.Name(id="messages"), attr=attr), args=args) if attr in MESSAGES:
            return args[MESSAGES[attr] :][:1]
        case ast.Assign(targets=[ast.Name(id="words")], value=ast.Dict() as words):
            return [words]
        case ast.AnnAssign(target=ast.Name(id="words"), value=ast.Dict() as words):
            return [words]
        case ast.ClassDef(bases=[ast.Attribute(attr="TextChoices")], body=body):
            return [label for line in body if (label := label_in(line))]
    return []


def label_in(line: ast.stmt) -> ast.expr | None:
    """Of a choice: `NAME = "value", "label"`."""
    match line:
        case ast.Assign(value=ast.Tuple(elts=[_, label])):
            return label
    return None


def bare_parts(text: ast.expr) -> Iterator[ast.expr]:
    """What of an expression is spelled out; what a function gives is that function's to translate."""
    match text:
        case ast.Constant(value=str(said)) if said not in NAMES and any(map(str.isalpha, said)):
            yield text
        case ast.JoinedStr(values=values) if any(list(bare_parts(part)) for part in values):
            yield text
        case _:
            for part in parts_of(text):
                yield from bare_parts(part)


def parts_of(text: ast.expr) -> list[ast.expr]:
    """What an expression is put together of; none of what fills it in."""
    match text:
        case ast.Dict(values=parts) | ast.List(elts=parts) | ast.Tuple(elts=parts):
            return parts
        case ast.BinOp(left=left, op=ast.Mod()) | ast.Call(func=ast.Attribute(value=left, attr="format")):
            return [left]
        case ast.BinOp(left=left, right=right):
            return [left, right]
        case ast.IfExp(body=body, orelse=orelse):
            return [body, orelse]
    return []
