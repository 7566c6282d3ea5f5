"""Giving money back from the admin: what one person may do alone, and what a second one decides about."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing.gateway.errors import StripeUnreachable
from core.money import format_money
from core.refusals import Refusal
from orders.admin.actions import ask, back_to, may_act, nothing_refundable, refusal_in_words, why_no_refund
from orders.admin.refund_form import REASONS, RefundForm
from orders.decisions.approving import Authority
from orders.models import ApprovalState, Order, RefundApproval
from orders.projections import OrderAggregate
from orders.services.authority import present_authority
from orders.services.refunding import approve_refund, decline_refund, refund_payment, return_surplus, returnable
from orders.timeline import actor_in_words, staff_names

MAY_BE_MADE = gettext_lazy(
    "Stripe did not answer. The refund may still be made: this page will tell as soon as we know."
)


class Waiting(NamedTuple):
    """A refund that waits for a second person, for the page of its order: `may_decide` says whether that is the reader,
    and else `why_not` why not. `details` are rows of words: what it is of, and what for.
    """

    approval: RefundApproval
    amount: str
    asked_by: str
    details: list[tuple[str, str]]
    may_decide: bool
    why_not: str


def refund_view(admin: Any, request: HttpRequest, order: Order) -> HttpResponse:
    offer = returnable(OrderAggregate(order, stored=True), besides=request.POST.get("call_id", ""))
    if not offer.payments or (request.method != "POST" and not offer.left):
        messages.error(request, nothing_refundable(why_no_refund(offer)))
        return back_to(order)
    form = RefundForm(request.POST if request.method == "POST" else None, offer=offer)
    if form.is_valid() and refund(request, order, form):
        return back_to(order)
    return ask(admin, request, order, "refund", _("Refund of order %(number)s") % {"number": order.pk}, form=form)


def refund(request: HttpRequest, order: Order, form: RefundForm) -> bool:
    """Whether the form is done with, the refund being made or asked for; else it says why not."""
    wanted = form.cleaned_data
    amount = format_money(wanted["minor_units"], form.chosen.currency)
    try:
        is_made = refund_payment(
            order_id=order.pk,
            payment_intent=wanted["payment"],
            amount=wanted["minor_units"],
            reason=wanted["reason"],
            call_id=wanted["call_id"],
            lines=wanted["lines"],
        )
    except StripeUnreachable:
        messages.warning(request, MAY_BE_MADE)
    except Refusal as refusal:
        form.refuse(refusal_in_words(refusal))
        return False
    else:
        tell(request, amount, is_made=is_made, made=_("Stripe accepted the refund of %(amount)s.") % {"amount": amount})
    return True


def tell(request: HttpRequest, amount: str, *, is_made: bool, made: str) -> None:
    if is_made:
        messages.success(request, made)
    else:
        waits = _("The refund of %(amount)s is more than you may give back alone: it waits for a second person.")
        messages.warning(request, waits % {"amount": amount})


def return_surplus_view(admin: Any, request: HttpRequest, order: Order) -> HttpResponse:
    if request.method == "POST":
        return give_surplus_back(request, order)
    offer = returnable(OrderAggregate(order, stored=True))
    if not offer.surplus:
        messages.info(request, _("There is no surplus to return."))
        return back_to(order)
    alone = offer.alone[order.currency]
    return ask(
        admin,
        request,
        order,
        "return_surplus",
        _("Return the surplus of order %(number)s") % {"number": order.pk},
        amount=offer.surplus_amount,
        parts=offer.surplus,
        waits=alone is not None and offer.surplus_amount > alone,
        call_id=uuid4(),
    )


def give_surplus_back(request: HttpRequest, order: Order) -> HttpResponse:
    try:
        amount, call_id = int(request.POST["amount"]), UUID(request.POST["call_id"])
    except (KeyError, ValueError):
        return redirect("admin:orders_order_return_surplus", order.pk)
    try:
        is_made = return_surplus(order_id=order.pk, amount=amount, call_id=call_id)
        words = format_money(amount, order.currency)
        tell(
            request,
            words,
            is_made=is_made,
            made=_("Stripe accepted the refund of the surplus, %(amount)s.") % {"amount": words},
        )
    except StripeUnreachable:
        messages.warning(request, MAY_BE_MADE)
    except Refusal as refusal:
        messages.error(request, refusal_in_words(refusal))
    return back_to(order)


def approve_view(admin: Any, request: HttpRequest, order: Order, *, approval: UUID) -> HttpResponse:
    return decide(admin, request, order, approval, "approve", approve_refund)


def decline_view(admin: Any, request: HttpRequest, order: Order, *, approval: UUID) -> HttpResponse:
    return decide(admin, request, order, approval, "decline", decline_refund)


def decide(
    admin: Any, request: HttpRequest, order: Order, approval: UUID, name: str, service: Callable[..., None]
) -> HttpResponse:
    """Asks first; whether this person may, and whether it still can be, is judged by the service."""
    said = {"approve": _("The refund was approved, and Stripe accepted it."), "decline": _("The refund was declined.")}
    titles = {
        "approve": _("Approve a refund of order %(number)s"),
        "decline": _("Decline a refund of order %(number)s"),
    }
    if request.method == "POST":
        try:
            service(order_id=order.pk, approval=approval)
            messages.success(request, said[name])
        except StripeUnreachable:
            messages.warning(request, MAY_BE_MADE)
        except Refusal as refusal:
            messages.error(request, refusal_in_words(refusal))
        return back_to(order)
    asked = next(iter(waiting_of(order.refund_approvals.filter(approval=approval), request)), None)
    if asked is None:
        messages.info(request, _("This refund waits for nobody any more."))
        return back_to(order)
    return ask(admin, request, order, "decide", titles[name] % {"number": order.pk}, waiting=asked, decision=name)


def waiting_of(approvals: Iterable[RefundApproval], request: HttpRequest) -> list[Waiting]:
    """Those of an order that wait, in the words of its page."""
    waiting = [approval for approval in approvals if approval.state == ApprovalState.WAITING]
    authority = present_authority()
    staff = staff_names(approval.asked_by for approval in waiting)
    return [
        Waiting(
            approval=approval,
            amount=format_money(approval.amount, approval.currency),
            asked_by=actor_in_words(approval.asked_by, staff),
            details=details_of(approval),
            why_not=(why_not := why_not_decide(approval, authority)),
            may_decide=not why_not and may_act(request),
        )
        for approval in waiting
    ]


def details_of(approval: RefundApproval) -> list[tuple[str, str]]:
    """What a second person has to know before deciding."""
    currency = approval.currency
    rows = [(_("Reason"), str(dict(REASONS).get(approval.reason, approval.reason)))]
    rows += [
        (_("Payment %(id)s") % {"id": part.payment_intent}, format_money(part.amount, currency))
        for part in approval.refund_parts
    ]
    names = dict(approval.order.lines.values_list("item_id", "name")) if approval.lines else {}
    for line in approval.refunded_lines:
        name = names.get(line.item, str(line.item))
        label = f"{line.quantity} × {name}" if line.quantity else name  # noqa: RUF001 as on the order's page
        rows.append((label, format_money(line.amount, currency)))
    return rows


def why_not_decide(approval: RefundApproval, authority: Authority) -> str:
    """As the service would refuse; '' where this person may."""
    if not authority.is_unlimited:
        return _("you may not approve refunds above the limit")
    if authority.actor == approval.asked_by:
        return _("you asked for it yourself, so somebody else has to decide")
    return ""
