"""A person wants a delivery handled again."""

from http import HTTPStatus
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_noop as _

from billing.accounts import account_named
from core.eventlog import provenance
from core.refusals import NotFound, Refusal
from webhooks.facts import DeliveryHandlingRequested
from webhooks.models import Delivery, DeliveryState, HandlingRequest
from webhooks.projections import HandlingAggregate
from webhooks.services import AGAIN, retry_delivery


class DeliveryIsDone(Refusal):
    """What is done with has had its effect, and has it once."""

    code = "delivery_is_done"
    status = HTTPStatus.CONFLICT
    message = _("This delivery can't be handled again: it is {state}.")


def ask_for_handling(*, delivery_id: int, request_id: UUID) -> DeliveryState:
    """Handle a delivery again that failed, was refused or waits; returns its state then.

    The same `request_id` again does nothing. Killed in between, the retry job carries it on. Raises NotFound,
    DeliveryIsDone, AccountNotConfigured, or StripeUnreachable, where it is tried again later.
    """
    with transaction.atomic(durable=True):
        delivery = Delivery.objects.select_for_update().defer("payload").filter(pk=delivery_id).first()
        if delivery is None:
            raise NotFound
        if HandlingRequest.objects.filter(pk=request_id).exists():
            return DeliveryState(delivery.state)
        if delivery.state not in AGAIN:
            raise DeliveryIsDone(state=delivery.state)
        account = account_named(delivery.account, livemode=delivery.livemode)
        record_request(delivery, request_id)
        delivery.try_at = timezone.now()
        delivery.save(update_fields=["try_at"])
    retry_delivery(account, delivery_id)
    return DeliveryState(Delivery.objects.only("state").get(pk=delivery_id).state)


def record_request(delivery: Delivery, request_id: UUID) -> None:
    request = HandlingAggregate.begin(request_id)
    request.record(
        DeliveryHandlingRequested(
            account=delivery.account,
            event_id=delivery.event_id,
            type=delivery.type,
            order_id=delivery.order_id,
            state=delivery.state,
            asked_by=provenance.current().actor,
        )
    )
    request.save()
