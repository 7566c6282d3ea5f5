"""Deliveries in the admin, without the personal data in them, and their rows in an order's timeline; what they wait for
and how far back they were read.
"""

import json
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin import EmptyFieldListFilter
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.utils.translation import gettext_noop as noop
from unfold.decorators import display

from billing.admin import AccountFilter
from billing.gateway.errors import StripeUnreachable
from core.admin import ReadOnlyAdmin, indented_json, text_link
from core.bulk_admin import BulkActionsAdmin
from core.refusals import Refusal
from core.staff.roles import ACT_ON_ORDER
from core.times import local_time
from orders import timeline
from orders.admin.named import NamedActorsAdmin
from orders.admin.parts import order_link
from orders.finding import order_finders
from orders.models import Order
from webhooks.asking import DeliveryIsDone, ask_for_handling
from webhooks.models import BackfillCursor, Delivery, DeliveryState, HandlingRequest, PaymentLink
from webhooks.personal import PERSONAL
from webhooks.services import AGAIN

STATE_COLORS: dict[str, str] = {
    DeliveryState.RECEIVED: "info",
    DeliveryState.HANDLED: "success",
    DeliveryState.REFUSED: "warning",
    DeliveryState.FAILED: "danger",
    DeliveryState.WAITING: "info",
}
# What became of a delivery, for its order's timeline. One that was handled is followed by what it caused.
SENTENCES: dict[str, str] = {
    DeliveryState.RECEIVED: noop("Stripe delivered {type}, which is being handled"),
    DeliveryState.HANDLED: noop("Stripe delivered {type}"),
    DeliveryState.IGNORED: noop("Stripe delivered {type}, which was not acted on"),
    DeliveryState.REFUSED: noop(
        "Stripe delivered {type} in another API version; its object will be read again in ours"
    ),
    DeliveryState.FAILED: noop("Stripe delivered {type}, and handling it failed ({reason}); it will be tried again"),
    DeliveryState.WAITING: noop("Stripe delivered {type}, which waits until its payment is known"),
}
# Longer than this between receiving and handling is worth telling.
AT_ONCE = timedelta(seconds=1)
HIDDEN = "(hidden)"


@admin.register(Delivery)
class DeliveryAdmin(BulkActionsAdmin):
    """What Stripe delivered, newest first."""

    bulk_actions = ("webhooks.handle_again",)
    change_form_outer_after_template: Any = "admin/webhooks/handle_again.html"

    list_display = ["received", "type", "labelled_state", "reason", "of_order", "account", "attempts", "event_id"]
    list_display_links = ["received", "type"]
    list_filter = ["state", AccountFilter]
    ordering = ["-id"]
    search_fields = ["event_id__exact", "order_id__exact"]
    search_help_text = gettext_lazy("Order's number, or evt_…")
    fields = [
        "event_id",
        "type",
        "labelled_state",
        "reason",
        "of_order",
        "object_id",
        "account",
        "api_version",
        "mode",
        "source",
        "attempts",
        "received",
        "handled",
        "content",
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Delivery]:
        deliveries: QuerySet[Delivery] = super().get_queryset(request)
        return deliveries.defer("payload")

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.handle_view)
        return [path("<int:key>/handle/", view, name="webhooks_delivery_handle"), *super().get_urls()]

    def handle_view(self, request: HttpRequest, key: int) -> HttpResponse:
        """Asks first; what is to be done about it is judged by the service."""
        if not request.user.has_perm(ACT_ON_ORDER):
            raise PermissionDenied
        delivery = get_object_or_404(Delivery.objects.defer("payload"), pk=key)
        if request.method == "POST":
            ask_again(request, delivery)
            return redirect("admin:webhooks_delivery_change", key)
        context = self.admin_site.each_context(request) | {
            "title": _("Handle a delivery again"),
            "opts": self.opts,
            "delivery": delivery,
            "request_id": uuid4(),
        }
        return TemplateResponse(request, "admin/webhooks/handle.html", context)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        context |= {"why_not_again": why_not_again(request, context["original"])}
        return super().render_change_form(request, context, *args, **kwargs)

    @display(description=gettext_lazy("received"))
    def received(self, delivery: Delivery) -> SafeString | str:
        return local_time(delivery.received_at)

    @display(description=gettext_lazy("handled"))
    def handled(self, delivery: Delivery) -> SafeString | str:
        return local_time(delivery.handled_at)

    @display(description=gettext_lazy("state"), label=STATE_COLORS)
    def labelled_state(self, delivery: Delivery) -> str:
        return delivery.state

    @display(description=gettext_lazy("order"))
    def of_order(self, delivery: Delivery) -> SafeString | str:
        return order_link(delivery.order_id) if delivery.order_id else "-"

    @display(description=gettext_lazy("mode"))
    def mode(self, delivery: Delivery) -> str:
        return _("live") if delivery.livemode else _("test")

    @display(description=gettext_lazy("payload"))
    def content(self, delivery: Delivery) -> SafeString | str:
        if delivery.purged_at:
            return _("Purged %(days)d days after it was handled: what Stripe posted is not kept any longer.") % {
                "days": settings.WEBHOOK_PAYLOAD_DAYS
            }
        return indented_json(without_personal_data(json.loads(bytes(delivery.payload))))


def why_not_again(request: HttpRequest, delivery: Delivery) -> str:
    """Why it can't be handled again by who looks; '' where it can."""
    if not request.user.has_perm(ACT_ON_ORDER):
        return _("You may not act on orders.")
    return "" if delivery.state in AGAIN else str(DeliveryIsDone(state=delivery.state))


def ask_again(request: HttpRequest, delivery: Delivery) -> None:
    try:
        request_id = UUID(request.POST.get("request", ""))
        state = ask_for_handling(delivery_id=delivery.pk, request_id=request_id)
    except ValueError:
        messages.error(request, _("The form was broken: nothing was done."))
    except StripeUnreachable:
        messages.warning(request, _("Stripe did not answer: it is tried again."))
    except Refusal as refusal:
        messages.error(request, str(refusal))
    else:
        shown = messages.warning if state in AGAIN else messages.success
        shown(request, _("The delivery is %(state)s.") % {"state": state.label})


@admin.register(HandlingRequest)
class HandlingRequestAdmin(NamedActorsAdmin):
    """Who wanted which delivery handled again, newest first."""

    list_display = ["asked", "type", "of_order", "state", "by"]
    ordering = ["-asked_at"]
    search_fields = ["event_id__exact", "order_id__exact"]
    search_help_text = gettext_lazy("Order's number, or evt_…")
    fields = ["asked", "type", "event_id", "account", "of_order", "state", "by"]

    def actors_of(self, row: HandlingRequest) -> Iterable[str]:
        return [row.asked_by]

    @display(description=gettext_lazy("asked"))
    def asked(self, asked: HandlingRequest) -> SafeString | str:
        return local_time(asked.asked_at)

    @display(description=gettext_lazy("order"))
    def of_order(self, asked: HandlingRequest) -> SafeString | str:
        return order_link(asked.order_id) if asked.order_id else "-"

    @display(description=gettext_lazy("asked by"))
    def by(self, asked: HandlingRequest) -> str:
        return self.in_name(asked, asked.asked_by)


@admin.register(PaymentLink)
class PaymentLinkAdmin(ReadOnlyAdmin):
    """Which order a payment belongs to; deliveries about one that has none yet wait at its row."""

    list_display = ["payment_intent", "of_order", "account", "seen"]
    list_filter = [AccountFilter, ("order_id", EmptyFieldListFilter)]
    ordering = ["-id"]
    search_fields = ["payment_intent__exact"]
    search_help_text = gettext_lazy("pi_…")
    fields = ["payment_intent", "of_order", "account", "seen", "deliveries"]

    @display(description=gettext_lazy("order"))
    def of_order(self, link: PaymentLink) -> SafeString | str:
        return order_link(link.order_id) if link.order_id else _("not known yet")

    @display(description=gettext_lazy("first seen"))
    def seen(self, link: PaymentLink) -> SafeString | str:
        return local_time(link.seen_at)

    @display(description=gettext_lazy("waiting deliveries"))
    def deliveries(self, link: PaymentLink) -> SafeString | str:
        waiting = link.waiting.defer("payload").order_by("id")
        links = ((text_link(reverse("admin:webhooks_delivery_change", args=[one.pk]), one),) for one in waiting)
        return format_html_join(mark_safe("<br>"), "{}", links) or "-"


@admin.register(BackfillCursor)
class BackfillCursorAdmin(ReadOnlyAdmin):
    """How far each account's Events API has been read, for what webhooks had missed."""

    list_display = ["account", "until"]
    fields = ["account", "until"]
    ordering = ["account"]

    @display(description=gettext_lazy("read until"))
    def until(self, cursor: BackfillCursor) -> SafeString | str:
        return local_time(cursor.read_until)


def without_personal_data(value: Any, *, hide: bool = False) -> Any:
    """The same JSON with every value in or below a field of PERSONAL hidden; what is null stays null."""
    if isinstance(value, dict):
        return {key: without_personal_data(inner, hide=hide or key in PERSONAL) for key, inner in value.items()}
    if isinstance(value, list):
        return [without_personal_data(inner, hide=hide) for inner in value]
    return HIDDEN if hide and value is not None else value


def deliveries_of(order: Order) -> Iterator[timeline.Happening]:
    for delivery in Delivery.objects.filter(order_id=order.pk).order_by("received_at", "id").defer("payload"):
        yield timeline.Happening(
            at=delivery.received_at,
            kind=delivery.type,
            sentence=sentence_of(delivery),
            actor=f"stripe:{delivery.account}",
            name=delivery.event_id,
            url=reverse("admin:webhooks_delivery_change", args=[delivery.pk]),
        )


def sentence_of(delivery: Delivery) -> str:
    sentence = _(SENTENCES[delivery.state]).format(type=delivery.type, reason=delivery.reason)
    handled_at = delivery.handled_at
    if delivery.state == DeliveryState.HANDLED and handled_at and handled_at - delivery.received_at > AT_ONCE:
        sentence += _(", which was handled at %(time)s") % {"time": f"{localtime(handled_at):%Y-%m-%d %H:%M:%S}"}
    return sentence


def orders_of_delivery(event_id: str) -> Iterator[int]:
    """Also of one that changed nothing, hence is no event's cause."""
    if event_id.startswith("evt_"):
        found = Delivery.objects.filter(event_id=event_id, order_id__isnull=False)
        yield from (order_id for order_id in found.values_list("order_id", flat=True) if order_id)


timeline.contributors.append(deliveries_of)


def handlings_of(order: Order) -> Iterator[timeline.Happening]:
    for asked in HandlingRequest.objects.filter(order_id=order.pk).order_by("asked_at", "pk"):
        yield timeline.Happening(
            at=asked.asked_at,
            kind="delivery.handling_requested",
            sentence=_("%(type)s was to be handled again") % {"type": asked.type},
            actor=asked.asked_by,
            cause=asked.event_id,
            url=reverse("admin:webhooks_handlingrequest_change", args=[asked.pk]),
        )


timeline.contributors.append(handlings_of)
order_finders.append(orders_of_delivery)
