"""What staff do to an order: each action asks first, then calls its service, and says what came of it."""

from collections.abc import Callable
from functools import wraps
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from billing.accounts import why_unserved
from billing.gateway.errors import StripeRefused, StripeUnreachable
from core.admin import ReadOnlyAdmin
from core.money import format_money
from core.refusals import Refusal
from orders.admin.refund_form import RefundForm
from orders.decisions.money import FROM_SUMS
from orders.models import CheckoutState, Order
from orders.projections import OrderAggregate
from orders.selectors import is_final
from orders.services.attention import clear_attention
from orders.services.canceling import cancel_order
from orders.services.refunding import Returnable, refund_payment, return_surplus, returnable
from orders.timeline import attention_in_words

type ActionView = Callable[[Any, HttpRequest, Order], HttpResponse]

MAY_BE_MADE = "Stripe did not answer. The refund may still be made: this page will tell as soon as we know."

UNSERVED = {
    "account.missing": "account {account} is not in the settings",
    "account.mode_changed": "it is test money and account {account} has live keys, or the other way round",
}


class Offer(NamedTuple):
    """An action that can be taken now."""

    title: str
    icon: str
    address: str


def may_change(request: HttpRequest) -> bool:
    """Whoever could change orders, were they edited."""
    return request.user.has_perm("orders.change_order")


def by_who_may_change(view: ActionView) -> Callable[[Any, HttpRequest, int], HttpResponse]:
    @wraps(view)
    def guarded(admin: Any, request: HttpRequest, order_id: int) -> HttpResponse:
        if not may_change(request):
            raise PermissionDenied
        return view(admin, request, get_object_or_404(Order, pk=order_id))

    return guarded


class OrderActions(ReadOnlyAdmin):
    """The addresses of the actions, below an order's."""

    def get_urls(self) -> list[URLPattern]:
        views = {
            "cancel": self.cancel_view,
            "refund": self.refund_view,
            "return_surplus": self.return_surplus_view,
            "looked_at": self.looked_at_view,
        }
        own = [
            path(f"<int:order_id>/{name}/", self.admin_site.admin_view(view), name=f"orders_order_{name}")
            for name, view in views.items()
        ]
        return [*own, *super().get_urls()]

    @by_who_may_change
    def cancel_view(self, request: HttpRequest, order: Order) -> HttpResponse:
        if request.method == "POST":
            try:
                cancel_order(order_id=order.pk, reason="staff")
                messages.success(request, f"{order} is canceled.")
            except Refusal as refusal:
                messages.error(request, str(refusal))
            return back_to(order)
        has_open_checkout = order.checkouts.filter(state=CheckoutState.OPEN).exists()
        return self.ask(request, order, "cancel", f"Cancel order {order.pk}", has_open_checkout=has_open_checkout)

    @by_who_may_change
    def refund_view(self, request: HttpRequest, order: Order) -> HttpResponse:
        offer = returnable(OrderAggregate(order, stored=True))
        if not offer.payments or (request.method != "POST" and not offer.left):
            messages.error(request, f"Nothing can be refunded: {why_no_refund(request, offer)}.")
            return back_to(order)
        data = request.POST if request.method == "POST" else None
        form = RefundForm(data, payments=offer.payments, surplus=bool(offer.surplus))
        if form.is_valid() and refund(request, order, form):
            return back_to(order)
        return self.ask(request, order, "refund", f"Refund of order {order.pk}", form=form)

    @by_who_may_change
    def return_surplus_view(self, request: HttpRequest, order: Order) -> HttpResponse:
        if request.method == "POST":
            return give_surplus_back(request, order)
        offer = returnable(OrderAggregate(order, stored=True))
        if not offer.surplus:
            messages.info(request, "There is no surplus to return.")
            return back_to(order)
        return self.ask(
            request,
            order,
            "return_surplus",
            f"Return the surplus of order {order.pk}",
            amount=offer.surplus_amount,
            parts=offer.surplus,
            call_id=uuid4(),
        )

    @by_who_may_change
    def looked_at_view(self, request: HttpRequest, order: Order) -> HttpResponse:
        if request.method == "POST":
            try:
                clear_attention(order_id=order.pk, reason=request.POST.get("reason", ""))
            except Refusal as refusal:
                messages.error(request, str(refusal))
        return back_to(order)

    def ask(self, request: HttpRequest, order: Order, name: str, title: str, **context: Any) -> HttpResponse:
        """The page that says what will happen, with the form that makes it happen."""
        context |= self.admin_site.each_context(request) | {"title": title, "opts": self.opts, "original": order}
        return TemplateResponse(request, f"admin/orders/order/{name}.html", context)


def back_to(order: Order) -> HttpResponse:
    return redirect("admin:orders_order_change", order.pk)


def refund(request: HttpRequest, order: Order, form: RefundForm) -> bool:
    """Whether the form is done with, the refund being made or asked for; else it says why not."""
    wanted = form.cleaned_data
    try:
        refund_payment(
            order_id=order.pk,
            payment_intent=wanted["payment"],
            amount=wanted["minor_units"],
            reason=wanted["reason"],
            call_id=wanted["call_id"],
        )
    except StripeUnreachable:
        messages.warning(request, MAY_BE_MADE)
    except Refusal as refusal:
        form.refuse(refusal_in_words(refusal))
        return False
    else:
        messages.success(
            request, f"Stripe accepted the refund of {format_money(wanted['minor_units'], form.chosen.currency)}."
        )
    return True


def give_surplus_back(request: HttpRequest, order: Order) -> HttpResponse:
    try:
        amount, call_id = int(request.POST["amount"]), UUID(request.POST["call_id"])
    except (KeyError, ValueError):
        return redirect("admin:orders_order_return_surplus", order.pk)
    try:
        return_surplus(order_id=order.pk, amount=amount, call_id=call_id)
        messages.success(request, f"Stripe accepted the refund of the surplus, {format_money(amount, order.currency)}.")
    except StripeUnreachable:
        messages.warning(request, MAY_BE_MADE)
    except Refusal as refusal:
        messages.error(request, refusal_in_words(refusal))
    return back_to(order)


def refusal_in_words(refusal: Refusal) -> str:
    """For staff, who may know what Stripe's code was; a shopper is told something else."""
    if isinstance(refusal, StripeRefused):
        code = str(refusal.ids.get("reason", "")).replace("_", " ")
        return f"Stripe refused the refund ({code}): nothing was given back by it."
    return str(refusal)


def offers(request: HttpRequest, order: Order, offer: Returnable) -> list[Offer]:
    """The actions that this order is open to, for whom may take them."""
    possible = {
        "return_surplus": (bool(offer.surplus), "Return surplus", "keyboard_return"),
        "refund": (bool(offer.left), "Refund", "undo"),
        "cancel": (not is_final(order), "Cancel order", "cancel"),
    }
    return [
        Offer(title, icon, reverse(f"admin:orders_order_{name}", args=[order.pk]))
        for name, (is_possible, title, icon) in possible.items()
        if is_possible and may_change(request)
    ]


def why_no_refund(request: HttpRequest, offer: Returnable) -> str:
    """In a few words; '' when there is something to refund, by whom may do it."""
    if not offer.payments:
        return "no money came in"
    if offer.left:
        return "" if may_change(request) else "you may not change orders"
    for payment in offer.payments:
        if payment.left:
            why = why_unserved(payment.account, livemode=payment.livemode)
            return UNSERVED[why].format(account=payment.account)
    return "what came in is on its way back" if offer.under_way else "all that came in was given back"


def attention_of(order: Order) -> list[tuple[str, str, bool]]:
    """Each reason with its words, and whether it goes by itself, with the sums; the others are cleared by a person."""
    words = attention_in_words(order)
    return [(reason, said, reason in FROM_SUMS) for reason, said in zip(order.attention, words, strict=True)]
