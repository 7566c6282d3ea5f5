"""What must hold of every answer, whatever was sent."""

import json
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from tests.fuzz.cases import Case
from tests.fuzz.endpoints import Endpoint
from tests.fuzz.stand import SECRETS, TRACEBACK, Exchange
from tests.fuzz.texts import CAP
from tests.fuzz.wire import Answer

# How gunicorn refuses what it does not speak, before the application sees it: RFC 9112, 6.1, and RFC 9110, 15.6.6.
OF_GUNICORN = {HTTPStatus.NOT_IMPLEMENTED, HTTPStatus.HTTP_VERSION_NOT_SUPPORTED}
# The second is gunicorn's, of header fields.
TOO_LARGE = {HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE}
SERVER_ERRORS = 500
CLIENT_ERRORS = 400
REFUSED_DELIVERY = {
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.NOT_FOUND,
    HTTPStatus.METHOD_NOT_ALLOWED,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
}


def judge(exchange: Exchange) -> Iterator[str]:
    """What is wrong with any answer: a server error, something that nobody may read, a traceback in the log."""
    answer = exchange.answer
    if answer.status >= SERVER_ERRORS and (answer.is_of_the_application or answer.status not in OF_GUNICORN):
        yield f"a server error: {answer.status}"
    said = f"{answer.headers} {answer.body.decode('utf-8', 'replace')}"
    for place, text in (("the answer", said), ("the log", exchange.logged)):
        yield from (f"{place} holds {secret!r}" for secret in SECRETS if secret in text)
        if TRACEBACK in text:
            yield f"{place} holds a traceback"
    if exchange.written:
        yield f"something was written to {', '.join(exchange.written)}"


def judge_visit(exchange: Exchange, endpoint: Endpoint) -> Iterator[str]:
    """A program gets JSON: the endpoint's own, or the form of errors."""
    case, answer = exchange.case, exchange.answer
    yield from judge(exchange)
    if case.method == "HEAD" or not answer.is_of_the_application:
        return
    gives_page = case.accepts_page if endpoint.json_by_default else not case.accepts_json or case.accepts_page
    if HTTPStatus.MULTIPLE_CHOICES <= answer.status < CLIENT_ERRORS:
        if not (endpoint.redirects or case.accepts_page or is_slash_added(answer, case)):
            yield f"a redirect: {answer.status} to {answer.headers.get('location')}"
    elif answer.status >= CLIENT_ERRORS:
        yield from misshapen_error(answer, case)
    elif answer.status != HTTPStatus.NO_CONTENT and not (
        answer.is_page and ((gives_page and not endpoint.json_only) or not endpoint.answers)
    ):
        yield from misshapen_success(answer, endpoint)


def judge_pretended(exchange: Exchange) -> Iterator[str]:
    """A delivery that nobody of ours signed is refused."""
    yield from judge(exchange)
    yield from judge_size(exchange)
    yield from judge_refusal(exchange, REFUSED_DELIVERY)


def judge_signed(exchange: Exchange) -> Iterator[str]:
    """What a secret of ours signed is taken, or refused for what it is."""
    yield from judge(exchange)
    yield from judge_size(exchange)
    answer = exchange.answer
    if answer.status == HTTPStatus.OK:
        if keys_of(answer.body) != [{"event", "state"}]:
            yield "an answer of another shape"
    else:
        if exchange.wrote:
            yield "it was refused, and something was written"
        yield from judge_refusal(exchange, {HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE})


def judge_size(exchange: Exchange) -> Iterator[str]:
    """What is larger than any event is not read, whoever signed it. A strange Host, or no account, is seen before."""
    case, status = exchange.case, exchange.answer.status
    if len(case.body) > CAP and not case.names("host") and status not in {0, HTTPStatus.NOT_FOUND, *TOO_LARGE}:
        yield f"{len(case.body)} bytes were read: {status}"


def judge_refusal(exchange: Exchange, statuses: set[HTTPStatus]) -> Iterator[str]:
    answer = exchange.answer
    if not answer.is_of_the_application:
        return
    if answer.status not in statuses:
        yield f"answered {answer.status}"
    yield from misshapen_error(answer, exchange.case)


def judge_raw(exchange: Exchange) -> Iterator[str]:
    """It is refused, or the connection ends: what is no HTTP reaches no application."""
    yield from judge(exchange)


def is_slash_added(answer: Answer, case: Case) -> bool:
    """Django's APPEND_SLASH, for addresses that are a slash short of one of ours."""
    return answer.status == HTTPStatus.MOVED_PERMANENTLY and case.target.partition("?")[0][:1] == "/"


def misshapen_error(answer: Answer, case: Case) -> Iterator[str]:
    """`{"error": {"code", "message"}}`, both of them texts; or a page for who takes pages."""
    if answer.is_page and case.accepts_page:
        return
    try:
        error = json.loads(answer.body)["error"]
        if error.keys() != {"code", "message"} or not all(isinstance(value, str) and value for value in error.values()):
            yield f"an error of another form: {answer.status} {answer.body[:200]!r}"
    except (ValueError, KeyError, TypeError, AttributeError):
        yield f"an error that is not in the form of errors: {answer.status} {answer.body[:200]!r}"


def misshapen_success(answer: Answer, endpoint: Endpoint) -> Iterator[str]:
    keys = keys_of(answer.body) if answer.is_json else [set()]
    if not all(frozenset(each) in endpoint.answers for each in keys):
        yield f"an answer of another shape: {answer.status} {answer.body[:200]!r}"


def keys_of(body: bytes) -> list[set[str]]:
    """Of a JSON object, or of each in an array."""
    try:
        value: Any = json.loads(body)
    except ValueError:
        return [set()]
    objects = value if isinstance(value, list) else [value]
    return [set(each) if isinstance(each, dict) else set() for each in objects]
