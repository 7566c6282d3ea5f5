"""Three endpoints, each with a part of what the one before does."""

import json

import stripe
from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from .models import HandledEvent, Order


@csrf_exempt
@require_POST
def receive(request: HttpRequest) -> HttpResponse:
    """docs.stripe.com/webhooks shows `construct_event`; `get_or_create` is what tutorials take against duplicates."""
    payload, signature = request.body, request.headers.get("Stripe-Signature", "")
    try:
        event = stripe.Webhook.construct_event(payload, signature, settings.WEBHOOK_SECRET)
    except (ValueError, stripe.SignatureVerificationError):
        return HttpResponseBadRequest()
    with transaction.atomic():
        handled, created = HandledEvent.objects.get_or_create(
            event_id=event.id, defaults={"type": event.type, "payload": json.loads(payload)}
        )
        if not created:
            return HttpResponse()
        order = Order.objects.select_for_update().get(pk=int(event.data.object.metadata["order_id"]))
        order.state, order.paid_at = "paid", timezone.now()
        order.save()
        handled.handled_at = timezone.now()
        handled.save()
    return HttpResponse()


@csrf_exempt
@require_POST
def verify(request: HttpRequest) -> HttpResponse:
    """The signature by the quickest way that stripe-python has, and JSON; no database."""
    payload, signature = request.body.decode(), request.headers.get("Stripe-Signature", "")
    try:
        stripe.WebhookSignature.verify_header(payload, signature, settings.WEBHOOK_SECRET, 300)
    except stripe.SignatureVerificationError:
        return HttpResponseBadRequest()
    json.loads(payload)
    return HttpResponse()


@csrf_exempt
def do_nothing(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 Django hands it
    return HttpResponse()
