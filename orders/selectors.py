"""What is read: each function is one question, answered in a number of queries that doesn't grow with the rows."""

from dataclasses import dataclass

from django.db.models import QuerySet
from django.utils.translation import gettext_noop as _

from core.models import Event
from core.refusals import NotFound
from orders.links import opens_order
from orders.models import (
    SETTLED_STATES,
    ApprovalState,
    CheckoutState,
    Item,
    Order,
    OrderState,
    PaymentStatus,
    Refund,
    RefundApproval,
)
from orders.sums import REFUND_MADE, undecided_intents

PAGE = 100


class LinkClosed(NotFound):
    """A link that opens nothing: expired, revoked or made up; whether there is such an order is not said."""

    message = _(
        "This link has expired or was made invalid. Open the order in the browser that you ordered with, or ask the "
        "shop."
    )


@dataclass(frozen=True, kw_only=True)
class Viewer:
    """Who asks: a shopper's id, the token of a signed link, staff; or nobody in particular."""

    shopper_id: str | None
    token: str = ""
    is_staff: bool = False

    def may_see(self, order: Order) -> bool:
        return self.is_staff or order.shopper_id == self.shopper_id or opens_order(self.token, order)


def catalogue() -> QuerySet[Item]:
    return Item.objects.all()


def item_by_id(item_id: int) -> Item:
    """With its taxes; raises NotFound."""
    item = Item.objects.prefetch_related("taxes").filter(pk=item_id).first()
    if item is None:
        raise NotFound
    return item


def visible_order(order_id: int, viewer: Viewer) -> Order:
    """The order with what its figures and the progress of its payment follow from; raises NotFound where there is none
    or it is somebody else's, and to who comes by a link, LinkClosed.
    """
    order = Order.objects.filter(pk=order_id).prefetch_related("lines", "checkouts", "payments").first()
    if order is None or not viewer.may_see(order):
        raise LinkClosed if viewer.token else NotFound
    return order


def made_refunds(order: Order) -> QuerySet[Refund]:
    """What was given back of an order, oldest first."""
    return order.refunds.filter(status=REFUND_MADE).order_by("updated_at", "pk")


def why_canceled(order: Order) -> str:
    """The reason, which a canceled order's log alone holds; '' for any other."""
    if order.state != OrderState.CANCELED:
        return ""
    canceled = Event.objects.filter(stream=order.stream, kind="order.canceled")
    return canceled.values_list("data__reason", flat=True).first() or ""


def basket_of(shopper_id: str | None) -> Order | None:
    """This shopper's draft with its lines; None where there is none."""
    if shopper_id is None:
        return None
    drafts = Order.objects.filter(shopper_id=shopper_id, buy_item_id=None, state=OrderState.DRAFT)
    return drafts.prefetch_related("lines").first()


def quantity_in_basket(shopper_id: str | None, item_id: int) -> int:
    basket = basket_of(shopper_id)
    lines = basket.lines.all() if basket else ()
    return next((line.quantity for line in lines if line.item_id == item_id), 0)


def own_order_id(order_id: int, shopper_id: str | None) -> int:
    """The id again if the order is this shopper's, who alone may act on it; raises NotFound."""
    if shopper_id is None or not Order.objects.filter(pk=order_id, shopper_id=shopper_id).exists():
        raise NotFound
    return order_id


def orders_with_item(item_id: int, viewer: Viewer, before: int | None) -> list[Order]:
    """Orders that contain an item, newest first, at most 100 with ids below `before`: staff see all, a shopper its
    own.
    """
    orders = Order.objects.filter(lines__item_id=item_id).prefetch_related("lines").order_by("-pk")
    if not viewer.is_staff:
        if viewer.shopper_id is None:
            return []
        orders = orders.filter(shopper_id=viewer.shopper_id)
    if before is not None:
        orders = orders.filter(pk__lt=before)
    return list(orders[:PAGE])


def payment_progress(order: Order) -> str:
    """`none`, `open`, `processing`, `failed` or `succeeded`: how far the paying is, for the page."""
    payments, checkouts = list(order.payments.all()), list(order.checkouts.all())
    statuses = {payment.status for payment in payments}
    if PaymentStatus.SUCCEEDED in statuses or order.state in SETTLED_STATES:
        return "succeeded"
    if undecided_intents(payments):
        return "processing"
    states = {checkout.state for checkout in checkouts}
    if CheckoutState.OPEN in states:
        return "open"
    if PaymentStatus.FAILED in statuses:
        return "failed"
    return "processing" if CheckoutState.COMPLETED in states else "none"


def is_final(order: Order) -> bool:
    return order.state not in {OrderState.DRAFT, OrderState.PENDING}


def waiting_approvals() -> QuerySet[RefundApproval]:
    """Refunds that wait for a second person, oldest first."""
    return RefundApproval.objects.filter(state=ApprovalState.WAITING).order_by("asked_at", "pk")
