"""What is posted to the webhook endpoints: pretended, signed but broken, and real events that were mangled."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hypothesis import strategies as st

from tests.fuzz.browsing import headers, latin
from tests.fuzz.cases import LEFT_OUT, TWICE, WRONG_SECRET, Case, Edit, Header, Mangled, Signature
from tests.fuzz.texts import broken_bodies, huge_bodies, mostly, objects_with, odd_values
from tests.simulated import SECRETS

ENDPOINTS = ["/webhooks/stripe/default/", "/webhooks/stripe/"]
JSON_TYPE: Header = ("Content-Type", "application/json")
GOOD = ["t={t},v1={v}", "v1={v},t={t}", "t={t},v1=00,v1={v}", "t={t},v1={v},v0=1", "t={t},v1={v},", "t={t},v1={v},v9=x"]
BAD = [
    "",
    "t={t}",
    "v1={v}",
    "t={t},v0={v}",
    "t={t},v2={v}",
    "t={t},v1=",
    "t=,v1={v}",
    "t={t}v1={v}",
    "t={t};v1={v}",
    "t={t},v1={v}0",
]
BAD += [
    "t=0x1,v1={v}",
    "t=-1,v1={v}",
    "t={t}.5,v1={v}",
    "t=" + "9" * 5000 + ",v1={v}",
    "t=NaN,v1={v}",
    "t=\xb2,v1={v}",
    "t={t},v1={v}\xe9",
]
BAD += [
    ",",
    "=",
    "t={t},v1=" + "0" * 64,
    "t={t}," + "v1=00," * 3000,
    "T={t},V1={v}",
    "t={t},v1=\xff",
    "{v}",
    "t={t} ,v1",
    "t==,v1==",
]
ENVELOPE = {
    "id": ['"evt_fuzz"'],
    "type": ['"customer.created"', '"charge.succeeded"'],
    "livemode": ["false"],
    "data": ['{"object": {}}', '{"object": {"object": "charge"}}', '{"object": null}', '{"object": []}'],
    "api_version": ["null", '"2020-01-01"'],
    "created": ["1700000000"],
}

events = objects_with(ENVELOPE)
bodies = mostly(events, mostly(broken_bodies, huge_bodies, times=3), times=2)
refused_signatures = st.one_of(
    st.builds(Signature, st.sampled_from(BAD) | latin),
    st.builds(Signature, st.sampled_from(GOOD), secret=st.sampled_from([WRONG_SECRET, "", "whsec_default_new"])),
    st.builds(Signature, st.sampled_from(GOOD), offset=st.sampled_from([-302, -400, -86_400, -1_700_000_000])),
    st.builds(Signature, st.sampled_from(GOOD), over=st.sampled_from([b"", b"{}", b"\xff"])),
    st.none(),
)
signatures = st.builds(
    Signature,
    st.sampled_from(GOOD),
    secret=st.sampled_from([SECRETS["default"], "whsec_default_old"]),
    offset=st.sampled_from([0, 0, -200, 60]),
)


def posts(
    body: st.SearchStrategy[bytes], signature: st.SearchStrategy[Signature | None], target: st.SearchStrategy[str]
) -> st.SearchStrategy[Case]:
    return st.builds(
        lambda target, around, body, signature: Case(
            method="POST", target=target, headers=(JSON_TYPE, *around), body=body, signature=signature
        ),
        target,
        mostly(st.just(()), headers, times=1),
        body,
        signature,
    ).filter(lambda case: case.signature is None or case.signature.over != case.body)


def pretended(endpoint: str) -> st.SearchStrategy[Case]:
    """No secret of this endpoint signed the body in the last five minutes."""
    elsewhere = st.sampled_from(["nobody", "DEFAULT", "default%00", "%ff", "default/x", "x" * 3000, "euro"])
    target = (
        st.just(endpoint)
        if endpoint.endswith("stripe/")
        else mostly(st.just(endpoint), elsewhere.map("/webhooks/stripe/{}/".format), times=9)
    )
    return posts(bodies, refused_signatures, target)


def signed_bodies() -> st.SearchStrategy[Case]:
    """Whatever it is, a secret of ours signed it."""
    return posts(bodies, signatures, st.sampled_from(ENDPOINTS))


def mangled(corpus: Mapping[str, Any]) -> st.SearchStrategy[Case]:
    """Real events with one to three values replaced, left out or put twice, as the corpus has them."""
    by_event = {name: mangled_event(name, list(paths_in(corpus[name]))) for name in sorted(corpus)}
    return st.sampled_from(list(by_event)).flatmap(by_event.__getitem__)


def mangled_event(name: str, paths: Sequence[tuple[str | int, ...]]) -> st.SearchStrategy[Case]:
    account = name.partition(" ")[0]
    of_object = [path for path in paths if path[:2] == ("data", "object") and len(path) == 3]
    path = mostly(st.sampled_from(of_object), st.sampled_from(paths), times=2)
    edit = st.builds(Edit, path, mostly(odd_values, st.sampled_from([LEFT_OUT, TWICE]), times=3))
    event = st.builds(
        Mangled,
        st.just(name),
        st.integers(0, 10**9),
        mostly(st.tuples(edit), st.lists(edit, min_size=2, max_size=3).map(tuple), times=2),
        st.sampled_from([0] * 19 + [1]),
    )
    signature = st.builds(Signature, st.sampled_from(GOOD), secret=st.just(SECRETS[account]))
    return st.builds(
        lambda event, signature, target: Case(
            method="POST", target=target, headers=(JSON_TYPE,), event=event, signature=signature
        ),
        event,
        signature,
        st.sampled_from([f"/webhooks/stripe/{account}/", "/webhooks/stripe/"]),
    )


def paths_in(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Where values stand in a JSON value, in a fixed order; not the event's own id, which every copy has of its own."""
    steps: list[Any] = (
        sorted(value) if isinstance(value, dict) else list(range(len(value))) if isinstance(value, list) else []
    )
    for step in steps:
        inner = (*path, step)
        if inner != ("id",):
            yield inner
        yield from paths_in(value[step], inner)
