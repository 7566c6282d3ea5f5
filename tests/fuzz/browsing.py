"""What browsers, programs and attackers send around a request of the shop: headers, cookies, addresses."""

from typing import NamedTuple

from hypothesis import strategies as st

from tests.fuzz.cases import SHOPPERS, Case, Header
from tests.fuzz.texts import HUGE, LONG, broken_bodies, huge_bodies, mostly, objects_with

METHODS = ["GET", "POST", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"]
ORDERS = [str(number) for number in range(1, 11)]
latin = st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_characters="\x7f"), max_size=20)
NUMBERS = ["0", "00001", "-1", "1.0", "1e3", "%31", "999", "9223372036854775807", "9223372036854775808", "1" * 40, HUGE]
NUMBERS += [
    "%00",
    "1%00",
    "%D9%A1",
    "²".encode("latin-1").decode("latin-1"),
    "%EF%BC%91",
    "a",
    "%ff",
    "%ed%a0%80",
    "..",
    "1/..",
    "",
]
ACCEPTS = [
    "application/json",
    "application/json",
    "*/*",
    "text/html",
    "text/html,application/json;q=0.9",
    "",
    "text/plain",
]
ACCEPTS += ["application/json;q=nan", "text/html;" + "a" * 4000, "\xff", "image/*, application/json"]
LANGUAGES = [
    "en",
    "ru",
    "en-GB,en;q=0.9",
    "de",
    "zh-Hant-TW",
    "x" * 600,
    "en;q=inf",
    "\xff",
    "-",
    "*",
    ";;,,",
    "en_US",
    "i-klingon",
]
LANGUAGES += ["ru-" + "a" * 9, "en-" * 300, "no-NO-x-y", "root", "en-US-POSIX", "../../etc/passwd", "ru;q=1.0000000001"]
ZONES = [
    "Europe/Berlin",
    "Europe%2FBerlin",
    "America",
    "..%2F..%2Fetc%2Fpasswd",
    "%00",
    "%FF",
    "UTC%00",
    "x" * 300,
    "/",
    ".",
    "posix",
]
ZONES += [
    "tzdata.zi",
    "zone1970.tab",
    "%F0%9F%98%80",
    '"a\\000b"',
    '"\\377"',
    "Etc",
    "leapseconds",
    "__init__.py",
    "localtime",
]
QUOTED_NUL = '"aaaaaaaa\\000aaaaaaaa"'
COOKIES = [
    "",
    "x",
    QUOTED_NUL,
    '"\\377\\376\\355\\240\\200"',
    "a" * 32,
    "a" * 5000,
    "\xff\xfe",
    "=;=",
    "x:1:y",
    "{}",
    '"',
    "%00",
    "e30:1aaaaa:x",
]
ADDRESSES = [
    "1.2.3.4",
    "::1",
    "999.1.1.1",
    "",
    ",",
    "unknown",
    "1.2.3.4, 5.6.7.8",
    "[::1]:80",
    "fe80::1%eth0",
    "127.0.0.1",
    "\xff",
    "x" * 5000,
    "::ffff:1.2.3.4",
]
ORIGINS = [
    "http://127.0.0.1",
    "null",
    "http://[",
    "http://[::1",
    "https://evil.example",
    "",
    "http://\xff",
    "://",
    "http://127.0.0.1:99999999",
]
REFERERS = [*ORIGINS, "http://127.0.0.1/basket", "//127.0.0.1", "http://127.0.0.1\\@evil", "http://[v1.a]/"]
REQUEST_IDS = [
    "abcdefgh",
    "a" * 64,
    "a" * 65,
    "a b",
    "\xff",
    "'; DROP TABLE core_event; --",
    "${jndi:ldap://x}",
    "x" * 5000,
]
CONTENT_TYPES = [
    "application/json",
    "application/json; charset=utf-16",
    "application/json; charset=bogus",
    "text/plain",
    "",
]
CONTENT_TYPES += [
    "application/x-www-form-urlencoded",
    "application/x-www-form-urlencoded; charset=utf-7",
    "multipart/form-data",
]
CONTENT_TYPES += [
    "multipart/form-data; boundary=a",
    "multipart/form-data; boundary=\xff",
    "multipart/mixed; boundary=a",
    "a/b;" * 50,
    "\xff",
]
QUERIES = [
    "before=1",
    "before=-1",
    "before=",
    f"before={HUGE}",
    "before=%00",
    "before=%D9%A1",
    "before=²",
    "token=x",
    "token=%00:%ff",
]
QUERIES += [
    "token=1:abc:def",
    "returned=1",
    "redirect_status=failed&returned",
    "a=" + "b" * 3000,
    "&&==",
    "%ff=%fe",
    "next=//evil.example",
]
QUERIES += [
    "token=" + "a:" * 500,
    "x[]=1;y",
    "item=1",
    "before=1&before=x",
    "&".join(["a=1"] * 1500),
    "token=%ED%A0%80",
]


def header(name: str, values: list[str]) -> st.SearchStrategy[Header]:
    return st.tuples(st.just(name), st.sampled_from(values) | latin)


def rarely[T](values: st.SearchStrategy[T], times: int = 4) -> st.SearchStrategy[tuple[T, ...]]:
    """Once in so many times and one."""
    return mostly(st.just(()), values.map(lambda value: (value,)), times=times)


headers = st.tuples(
    mostly(st.just((("Accept", "application/json"),)), st.tuples(header("Accept", ACCEPTS)), times=2),
    st.ip_addresses(v=4).map(lambda address: (("X-Forwarded-For", str(address)),)),
    rarely(header("Accept-Language", LANGUAGES)),
    rarely(header("X-Forwarded-For", ADDRESSES)),
    rarely(header("X-Request-Id", REQUEST_IDS)),
    rarely(header("Origin", ORIGINS), 12),
    rarely(header("Referer", REFERERS)),
    rarely(
        st.one_of(
            header("X-Forwarded-Proto", ["https", "http", "ftp", "https, http"]),
            header("Host", ["127.0.0.1", "evil.example", "127.0.0.1:80", "[::1", "a b", "", "\xff", "x" * 300]),
            header("Sec-Purpose", ["prefetch", "prefetch;prerender"]),
            header("Content-Encoding", ["gzip", "br"]),
            header("Range", ["bytes=0-", "bytes=-1,-2"]),
            header("If-Modified-Since", ["Thu, 01 Jan 1970 00:00:00 GMT", "x" * 100]),
            header("X-HTTP-Method-Override", ["DELETE"]),
            header("Authorization", ["Bearer x", "Basic \xff"]),
            header("X-CSRFToken", ["x", "a" * 32, "\xff" * 32, "a" * 64]),
        ),
        9,
    ),
).map(lambda groups: tuple(one for group in groups for one in group))
cookies = st.tuples(
    rarely(st.tuples(st.just("time_zone"), st.sampled_from(ZONES) | latin)),
    rarely(
        st.tuples(
            st.sampled_from(
                ["sessionid", "shopper_id", "django_language", "messages", "csrftoken", "", "\xff", "__Host-a"]
            ),
            st.sampled_from([*COOKIES, "en", "ru"]) | latin,
        ),
        2,
    ),
).map(lambda groups: tuple(one for group in groups for one in group))
shoppers = mostly(st.integers(0, SHOPPERS - 1), st.none(), times=9)


class Fields(NamedTuple):
    """What the body of an endpoint holds: field names, and JSON texts of good values."""

    values: dict[str, list[str]]

    def bodies(self) -> st.SearchStrategy[tuple[str, bytes]]:
        """Content type and body: an object, a form of the same fields, or anything."""
        objects = objects_with(self.values)
        forms = st.lists(
            st.tuples(
                st.sampled_from([*self.values, "x"]),
                st.sampled_from([*NUMBERS, "SPRING15", "%F0%9F%98%80", LONG[:2000]]),
            ),
            max_size=5,
        ).map(lambda pairs: "&".join(f"{name}={value}" for name, value in pairs).encode("latin-1"))
        parts = st.binary(max_size=40).map(
            lambda text: b'--a\r\nContent-Disposition: form-data; name="item"\r\n\r\n' + text + b"\r\n--a--\r\n"
        )
        return mostly(
            st.tuples(st.just("application/json"), objects),
            st.one_of(
                st.tuples(st.just("application/json"), broken_bodies),
                st.tuples(st.just("application/x-www-form-urlencoded"), forms),
                st.tuples(st.just("multipart/form-data; boundary=a"), parts),
                st.tuples(st.sampled_from(CONTENT_TYPES), objects | broken_bodies | forms | parts),
                st.tuples(st.sampled_from(CONTENT_TYPES), huge_bodies),
            ),
            times=1,
        )


def targets(template: str, numbers: list[str]) -> st.SearchStrategy[str]:
    """Addresses of a route, `{}` being its number: mostly a good one."""
    number = mostly(st.sampled_from(numbers), st.sampled_from(NUMBERS), times=4) if numbers else st.just("")
    path = number.map(template.format) if "{}" in template else st.just(template)
    ending = st.sampled_from([""] * 40 + ["/", "//", "%2f", ";a=b", ".json", "%00", "%ff"])
    query = mostly(st.just(""), (st.sampled_from(QUERIES) | latin).map("?{}".format), times=2)
    return st.builds(lambda *parts: "".join(parts).replace(" ", "%20"), path, ending, query)


def owner_of(target: str, anybody: int | None) -> int | None:
    """The first orders belong to the first shoppers, one each (tests.fuzz.stand)."""
    numbers = [part for part in target.partition("?")[0].split("/") if part in ORDERS]
    return ORDERS.index(numbers[0]) if numbers else anybody


def visits(template: str, method: str, numbers: list[str], fields: Fields | None) -> st.SearchStrategy[Case]:
    """Requests to one address of the shop."""
    methods = mostly(st.just(method), st.sampled_from(METHODS), times=12)
    bodies = fields.bodies() if fields else st.just(("", b""))
    return st.builds(
        lambda method, target, around, cookies, sent, shopper, owns, csrf: Case(
            method=method,
            target=target,
            headers=((("Content-Type", sent[0]),) if sent[0] and method != "GET" else ()) + around,
            cookies=cookies,
            body=sent[1] if method != "GET" else b"",
            shopper=owner_of(target, shopper) if owns else shopper,
            csrf=csrf,
        ),
        methods,
        targets(template, numbers),
        headers,
        cookies,
        bodies,
        shoppers,
        st.booleans(),
        st.sampled_from([True] * 9 + [False]),
    )
