"""What people and programs send that is wrong: JSON that isn't, numbers that no column holds, text that no text is."""

import json

from hypothesis import strategies as st

CAP = 512 * 1024
type Members = tuple[tuple[str, str], ...]

HUGE = "9" * 5000  # more than Python reads as a number
LONG = "x" * 70_000

# JSON texts of values; each is odd in its own way, and most are no value of the field that they are put into.
ODD_TEXTS = [
    '""',
    '" "',
    '"\\u0000"',
    '"a\\u0000b"',
    '"\\ud800"',
    '"\\udfff\\ud800"',
    '"\x00"',
    '"\x01"',
    '"\\x"',
    '"\u202e"',
    '"%00"',
    f'"{LONG}"',
    f'"{"x" * 256}"',
    f'"{"x" * 101}"',
    '"1"',
    '"\u00b2"',
    '"usd"',
    '"2026-01-01"',
    '"evt_1"',
    "'",
    '"',
]
ODD_NUMBERS = [
    "0",
    "-1",
    "1",
    "1.5",
    "1e400",
    "-1e400",
    "NaN",
    "Infinity",
    "-Infinity",
    "-0",
    "01",
    "1E2",
    "2147483648",
    "9223372036854775807",
    "9223372036854775808",
    "99999999999999999999999",
    HUGE,
]
ODD_SHAPES = [
    "null",
    "true",
    "false",
    "[]",
    "{}",
    "[[]]",
    '[""]',
    '{"id": null}',
    '{"": ""}',
    '{"id": 1, "id": 2}',
    "",
    "undefined",
    "[" * 3000 + "]" * 3000,
    '{"a":' * 3000 + "1" + "}" * 3000,
]
odd_values = st.one_of(st.sampled_from(ODD_TEXTS), st.sampled_from(ODD_NUMBERS), st.sampled_from(ODD_SHAPES))


def mostly[T](usual: st.SearchStrategy[T], odd: st.SearchStrategy[T], *, times: int) -> st.SearchStrategy[T]:
    """The usual so many times as often as the odd; `one_of` would count a strategy that is named twice once."""
    return st.sampled_from([True] * times + [False]).flatmap(lambda is_usual: usual if is_usual else odd)


def json_texts(texts: st.SearchStrategy[str] | None = None) -> st.SearchStrategy[str]:
    """Any JSON, lone surrogates and NUL characters among its texts."""
    leaf_texts = st.text(st.characters(exclude_categories=()), max_size=12) if texts is None else texts
    leaves = st.none() | st.booleans() | st.integers() | st.floats() | leaf_texts
    nested = st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(leaf_texts, inner, max_size=4),
        max_leaves=8,
    )
    return st.builds(lambda value, ascii_only: json.dumps(value, ensure_ascii=ascii_only), nested, st.booleans())


def objects_with(fields: dict[str, list[str]]) -> st.SearchStrategy[bytes]:
    """JSON objects of these fields, as texts of values: one of them odd, missing or twice, or any of them."""
    good = {name: st.tuples(st.tuples(st.just(name), st.sampled_from(values))) for name, values in fields.items()}
    odd = {name: st.lists(st.tuples(st.just(name), odd_values), max_size=2).map(tuple) for name in fields}
    unknown = st.lists(st.tuples(st.text(max_size=5), odd_values), max_size=2).map(tuple)
    each = [mostly(good[name], odd[name], times=3) for name in fields]
    one = [st.tuples(*(odd[name] if name == chosen else good[name] for name in fields)) for chosen in fields]
    members = st.one_of(st.tuples(*each, unknown), *one) if fields else st.tuples(unknown)
    return members.map(write_object)


def write_object(groups: tuple[Members, ...]) -> bytes:
    pairs = (f"{json.dumps(name)}: {value}" for group in groups for name, value in group)
    return ("{" + ", ".join(pairs) + "}").encode("utf-8", "surrogatepass")


huge_bodies = st.builds(
    lambda unit, size: (unit * (size // len(unit) + 1))[:size],
    st.sampled_from([b"x", b"[", b'{"a":', b"\xff", b"\x00", b'"id": "evt_1", ', b"a=1&"]),
    st.sampled_from([CAP - 1, CAP, CAP + 1, 2 * CAP, 65_536]),
)
broken_bodies = st.one_of(
    st.just(b""),
    st.binary(max_size=60),
    odd_values.map(lambda value: value.encode("utf-8", "surrogatepass")),
    json_texts().map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.sampled_from(
        [b"\xff\xfe{\x00}\x00", b"\xef\xbb\xbf{}", b'{"id": "\xff"}', b'{"id": "\xed\xa0\x80"}', b"{", b"nul"]
    ),
)
