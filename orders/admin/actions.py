"""What staff do to an order: each action asks first, then calls its service, and says what came of it."""

from collections.abc import Callable
from functools import wraps
from typing import Any, NamedTuple

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop as noop

from billing.accounts import why_unserved
from billing.gateway.errors import StripeRefused
from core.admin import ReadOnlyAdmin
from core.refusals import Refusal
from core.staff.roles import ACT_ON_ORDER
from orders.decisions.canceling import OrderNotCancelable, refuse_unless_cancelable
from orders.decisions.money import FROM_SUMS
from orders.models import CheckoutState, Order
from orders.projections import OrderAggregate
from orders.services.attention import clear_attention
from orders.services.canceling import cancel_order
from orders.services.refunding import Returnable
from orders.timeline import attention_in_words

# Of the admin, the request and the order; what else stands in the address comes by keyword.
type ActionView = Callable[..., HttpResponse]

UNSERVED = {
    "account.missing": noop("account {account} is not in the settings"),
    "account.mode_changed": noop("it is test money and account {account} has live keys, or the other way round"),
}


class Offer(NamedTuple):
    """An action that can be taken now."""

    title: str
    icon: str
    address: str


def may_act(request: HttpRequest) -> bool:
    return request.user.has_perm(ACT_ON_ORDER)


def guarded(admin: ReadOnlyAdmin, view: ActionView) -> Callable[..., HttpResponse]:
    """For whoever may act on orders, of an order that is there."""

    @wraps(view)
    def by_who_may_act(request: HttpRequest, order_id: int, **named: Any) -> HttpResponse:
        if not may_act(request):
            raise PermissionDenied
        return view(admin, request, get_object_or_404(Order, pk=order_id), **named)

    return by_who_may_act


def cancel_view(admin: Any, request: HttpRequest, order: Order) -> HttpResponse:
    if request.method == "POST":
        try:
            cancel_order(order_id=order.pk, reason="staff")
            messages.success(request, _("Order %(number)s is canceled.") % {"number": order.pk})
        except Refusal as refusal:
            messages.error(request, str(refusal))
        return back_to(order)
    has_open_checkout = order.checkouts.filter(state=CheckoutState.OPEN).exists()
    title = _("Cancel order %(number)s") % {"number": order.pk}
    return ask(admin, request, order, "cancel", title, has_open_checkout=has_open_checkout)


def looked_at_view(admin: Any, request: HttpRequest, order: Order) -> HttpResponse:
    """Of one reason to look, which the address names."""
    if request.method == "POST":
        try:
            clear_attention(order_id=order.pk, reason=request.POST.get("reason", ""))
        except Refusal as refusal:
            messages.error(request, str(refusal))
        return back_to(order)
    reasons = {reason: words for reason, words, goes_by_itself in attention_of(order) if not goes_by_itself}
    reason = request.GET.get("reason", "")
    if reason not in reasons:
        return back_to(order)
    title = _("Order %(number)s was looked at") % {"number": order.pk}
    return ask(admin, request, order, "looked_at", title, reason=reason, words=reasons[reason])


def ask(admin: Any, request: HttpRequest, order: Order, name: str, title: str, **context: Any) -> HttpResponse:
    """The page that says what will happen, with the form that makes it happen."""
    context |= admin.admin_site.each_context(request) | {"title": title, "opts": admin.opts, "original": order}
    return TemplateResponse(request, f"admin/orders/order/{name}.html", context)


def back_to(order: Order) -> HttpResponse:
    return redirect("admin:orders_order_change", order.pk)


def refusal_in_words(refusal: Refusal) -> str:
    """For staff, who may know what Stripe's code was; a shopper is told something else."""
    if isinstance(refusal, StripeRefused):
        code = str(refusal.ids.get("reason", "")).replace("_", " ")
        return _("Stripe refused the refund (%(code)s): nothing was given back by it.") % {"code": code}
    return str(refusal)


def why_not_cancelable(order: OrderAggregate) -> str:
    try:
        refuse_unless_cancelable(order)
    except OrderNotCancelable as refusal:
        return str(refusal)
    return ""


def offers(request: HttpRequest, order: OrderAggregate, offer: Returnable) -> list[Offer]:
    """The actions that this order is open to, for whom may take them."""
    possible = {
        "return_surplus": (bool(offer.surplus), _("Return surplus"), "keyboard_return"),
        "refund": (bool(offer.left), _("Refund"), "undo"),
        "cancel": (not why_not_cancelable(order), _("Cancel order"), "cancel"),
        "revoke_links": (order.root.placed_at is not None, _("Revoke links"), "link_off"),
    }
    return [
        Offer(title, icon, reverse(f"admin:orders_order_{name}", args=[order.root.pk]))
        for name, (is_possible, title, icon) in possible.items()
        if is_possible and may_act(request)
    ]


def why_not(request: HttpRequest, order: OrderAggregate, offer: Returnable) -> list[str]:
    """Why some of the actions are not offered, a sentence each."""
    if not may_act(request):
        return [_("You may not act on orders.")]
    refund = why_no_refund(offer)
    sentences = [
        nothing_refundable(refund) if refund else "",
        "" if offer.surplus else _("There is no surplus to return."),
        why_not_cancelable(order),
    ]
    return [sentence for sentence in sentences if sentence]


def nothing_refundable(why: str) -> str:
    return _("Nothing can be refunded: %(why)s.") % {"why": why}


def why_no_refund(offer: Returnable) -> str:
    """In a few words; '' when there is something to refund."""
    if not offer.payments:
        return _("no money came in")
    if offer.left:
        return ""
    for payment in offer.payments:
        if payment.left:
            why = why_unserved(payment.account, livemode=payment.livemode)
            return _(UNSERVED[why]).format(account=payment.account)
    return _("what came in is on its way back") if offer.under_way else _("all that came in was given back")


def attention_of(order: Order) -> list[tuple[str, str, bool]]:
    """Each reason with its words, and whether it goes by itself, with the sums; the others are cleared by a person."""
    words = attention_in_words(order)
    return [(reason, said, reason in FROM_SUMS) for reason, said in zip(order.attention, words, strict=True)]
