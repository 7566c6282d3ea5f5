"""One request as it is drawn: without clocks, keys or ids of one run, so that it can be shrunk and sent again."""

import hashlib
import hmac
import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from tests.simulated import SECRETS

# What takes the place of a value, beside any JSON: the key is left out, or stands twice.
LEFT_OUT, TWICE = "left out", "twice"
CSRF_TOKEN = "fuzz" * 8
SHOPPERS = 48  # each may change its basket twice a second
WRONG_SECRET = "whsec_of_nobody"

type Json = Any
type Header = tuple[str, str]


class Signature(msgspec.Struct, frozen=True):
    """A Stripe-Signature header: `{t}` is now + `offset` seconds, `{v}` the signature of the body at that time.

    `over` is signed instead of the body where it is given.
    """

    template: str
    secret: str = SECRETS["default"]
    offset: int = 0
    over: bytes | None = None

    def header(self, body: bytes) -> str:
        timestamp = int(time.time()) + self.offset
        signed = f"{timestamp}.".encode() + (body if self.over is None else self.over)
        digest = hmac.new(self.secret.encode(), signed, hashlib.sha256).hexdigest()
        return self.template.replace("{t}", str(timestamp)).replace("{v}", digest)


class Edit(msgspec.Struct, frozen=True):
    """The value at `path` is replaced by the JSON text `value`, LEFT_OUT or TWICE."""

    path: tuple[str | int, ...]
    value: str


class Mangled(msgspec.Struct, frozen=True):
    """A real event, by its name in the corpus, under an id of its own, edited; `cut` bytes are missing at its end."""

    event: str
    copy: int
    edits: tuple[Edit, ...]
    cut: int = 0

    def render(self, corpus: Mapping[str, Json]) -> bytes:
        event = json.loads(json.dumps(corpus[self.event]))
        event["id"] = f"evt_fuzz_{self.copy}"
        replacements: dict[str, str] = {}
        for number, edit in enumerate(self.edits):
            put_mark(event, edit.path, f"\x1a{number}\x1a", replacements, edit.value)
        text = json.dumps(event)
        for mark, replacement in replacements.items():
            text = text.replace(mark, replacement)
        body = text.encode("utf-8", "surrogatepass")
        return body[: len(body) - self.cut]


def put_mark(event: Json, path: Sequence[str | int], mark: str, replacements: dict[str, str], value: str) -> None:
    """A mark that no event holds, which is replaced in the text: what is put there need not be JSON."""
    holder = event
    try:
        for step in path[:-1]:
            holder = holder[step]
        old = holder[path[-1]]
    except (KeyError, IndexError, TypeError):
        return  # an earlier edit took it away
    if isinstance(holder, str):
        return  # it is the mark of an earlier edit
    if value == LEFT_OUT:
        del holder[path[-1]]
    elif value == TWICE:
        holder[path[-1]] = mark
        replacements[json.dumps(mark)] = f"{json.dumps(old)}, {json.dumps(str(path[-1]))}: null"
        if isinstance(holder, list):
            replacements[json.dumps(mark)] = f"{json.dumps(old)}, {json.dumps(old)}"
    else:
        holder[path[-1]] = mark
        replacements[json.dumps(mark)] = value


class Case(msgspec.Struct, frozen=True):
    """`headers` and `target` are Latin-1; `shopper` is the number of a browser whose cookie comes along; `event`, where
    it is given, is the body; `raw`, where it is given, is everything.
    """

    method: str = "GET"
    target: str = "/"
    headers: tuple[Header, ...] = ()
    cookies: tuple[Header, ...] = ()
    body: bytes = b""
    event: Mangled | None = None
    signature: Signature | None = None
    shopper: int | None = None
    csrf: bool = False
    raw: bytes | None = None

    def render(self, corpus: Mapping[str, Json], shoppers: Sequence[str]) -> bytes:
        if self.raw is not None:
            return self.raw
        body = self.event.render(corpus) if self.event else self.body
        lines = [f"{self.method} {self.target} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in (*self.own_headers(body, shoppers), *self.headers)]
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + body

    def own_headers(self, body: bytes, shoppers: Sequence[str]) -> list[Header]:
        own = [] if self.names("host") else [("Host", "127.0.0.1")]
        if body or self.method == "POST":
            own.append(("Content-Length", str(len(body))))
        if self.signature is not None:
            own.append(("Stripe-Signature", self.signature.header(body)))
        cookies = list(self.cookies)
        if self.shopper is not None:
            cookies.append(("shopper_id", shoppers[self.shopper % len(shoppers)]))
        if self.csrf:
            cookies.append(("csrftoken", CSRF_TOKEN))
            own.append(("X-CSRFToken", CSRF_TOKEN))
        if cookies:
            own.append(("Cookie", "; ".join(f"{name}={value}" for name, value in cookies)))
        return own

    def names(self, header: str) -> bool:
        return any(name.lower() == header for name, _ in self.headers)

    @property
    def accepts_page(self) -> bool:
        return "text/html" in self.accepted

    @property
    def accepts_json(self) -> bool:
        return "application/json" in self.accepted

    @property
    def accepted(self) -> str:
        return ",".join(value for name, value in self.headers if name.lower() == "accept")
