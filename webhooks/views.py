"""The endpoint that Stripe posts to: size, signature, shape, in that order; then one service."""

from http import HTTPStatus

import structlog
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from billing.accounts import account_of_endpoint, configured_accounts
from billing.gateway.signatures import signing_account
from core.answers import json_only
from core.refusals import Refusal
from webhooks.events import MalformedEventError, parse_event
from webhooks.instruments import count_post, counted_refusals
from webhooks.models import DeliverySource, DeliveryState
from webhooks.services import DeliveryFailedError, receive_delivery

log = structlog.get_logger()


class PayloadTooLarge(Refusal):
    """The body is larger than any event of Stripe."""

    code = "payload_too_large"
    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    message = "The body is larger than any event."


class SignatureRefused(Refusal):
    """No secret of the endpoint's account signed these bytes in the last five minutes."""

    code = "signature_refused"
    status = HTTPStatus.BAD_REQUEST
    message = "The signature is missing, wrong or too old."


class EventRefused(Refusal):
    """The body is signed but it is no event."""

    code = "event_refused"
    status = HTTPStatus.BAD_REQUEST
    message = "The body is not an event."


class DeliveryUnhandled(Refusal):
    """The handler failed; the delivery is stored and can be posted again."""

    code = "delivery_failed"
    status = HTTPStatus.INTERNAL_SERVER_ERROR
    message = "The event is stored, but handling it failed. Post it again."


@csrf_exempt
@require_POST
@json_only
@counted_refusals()
def receive(request: HttpRequest, account_name: str | None = None) -> HttpResponse:
    """200 once the event is durable, and its effect with it. Nothing is stored before the signature is verified."""
    accounts = [account_of_endpoint(account_name)] if account_name else list(configured_accounts().values())
    payload = read_body(request)
    account = signing_account(payload, request.headers.get("Stripe-Signature", ""), accounts)
    if account is None:
        raise SignatureRefused
    try:
        event = parse_event(payload)
    except MalformedEventError as error:
        log.warning("delivery.malformed", account=account.name, problem=str(error))
        raise EventRefused from error
    structlog.contextvars.bind_contextvars(event_id=event.id)
    try:
        state = receive_delivery(account=account, event=event, payload=payload, source=DeliverySource.WEBHOOK)
    except DeliveryFailedError as error:
        count_post(event, DeliveryState.FAILED)
        raise DeliveryUnhandled from error
    count_post(event, state)
    return JsonResponse({"event": event.id, "state": state})


def read_body(request: HttpRequest) -> bytes:
    try:
        return request.body
    except RequestDataTooBig:
        raise PayloadTooLarge from None
