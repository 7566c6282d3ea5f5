"""The pages of the finance desk that are measured: what staff open, with values that the database holds.

A new page is a line here; `large` tables are found by their size, so a new one needs no line.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.contrib import admin
from django.contrib.admin.utils import quote
from django.urls import reverse
from django.utils import timezone

from billing.models import StripeCall
from core.models import Event
from finance.models import (
    BalanceTransaction,
    ExceptionKind,
    LedgerLine,
    Month,
    Payout,
    Reconciliation,
    ReconciliationException,
)
from finance.selectors.ledger import months_of_ledger
from finance.selectors.reconciliation import sums_by_month
from orders.models import (
    Attention,
    Checkout,
    Dispute,
    DisputeState,
    Item,
    Order,
    OrderLine,
    OrderState,
    Payment,
    Refund,
    RefundApproval,
    Review,
    StaffNote,
)
from webhooks.models import Delivery, HandlingRequest, PaymentLink


class Page(NamedTuple):
    name: str
    address: str


def desk_pages() -> Iterator[Page]:
    for days in ("7", "365"):
        yield Page(f"home, {days} days", f"{reverse('admin:index')}?days={days}")
    yield from pages_of_orders()
    yield from lists()
    yield from filters_of_orders()
    yield from searches()
    yield from filters_of_other_lists()
    yield from pages_of_the_ledger()
    yield from pages_of_stripes_books()
    yield from pages_of_what_staff_did()


def listed(model: Any, title: str = "", **chosen: str) -> Page:
    meta = model._meta
    address = reverse(f"admin:{meta.app_label}_{meta.model_name}_changelist")
    said = title or " ".join(f"{name}={value}" for name, value in chosen.items())
    return Page(f"{meta.verbose_name_plural} {said}".strip(), f"{address}?{urlencode(chosen)}" if chosen else address)


def pages_of_orders() -> Iterator[Page]:
    newest = Order.objects.order_by("-pk")
    for name, order in (
        ("draft", newest.filter(state=OrderState.DRAFT).first()),
        ("paid", newest.filter(state=OrderState.PAID).first()),
        ("disputed", newest.filter(dispute_state=DisputeState.LOST).first()),
        ("refunded", newest.filter(state=OrderState.REFUNDED).first()),
    ):
        if order is not None:
            yield Page(f"page of an order, {name}", reverse("admin:orders_order_change", args=[order.pk]))


def lists() -> Iterator[Page]:
    """Every list of the admin at its beginning and its end; those of millions in their middle too."""
    for model in admin.site._registry:  # noqa: SLF001 Django has no other way to name them all
        yield listed(model)
        yield listed(model, "at their end", p="last")
    middle = Order.objects.latest("pk").pk // 2
    yield listed(Order, "half-way", p=f"after~{middle}")
    yield listed(Order, "half-way, backwards", p=f"before~{middle}")
    yield listed(OrderLine, "half-way", p=f"after~{middle}~x")
    yield listed(Event, "half-way", p=f"after~{Event.objects.latest('position').pk // 2}")
    yield listed(Delivery, "half-way", p=f"after~{Delivery.objects.latest('pk').pk // 2}")
    called = StripeCall.objects.filter(subject=Order.stream_of(middle)).first() or StripeCall.objects.first()
    if called is not None and called.requested_at is not None:
        yield listed(StripeCall, "half-way", p=f"after~{called.requested_at.isoformat()}~{called.pk}")


def filters_of_orders() -> Iterator[Page]:
    """Each choice; then what is rare, what is far back, and what matches nothing, alone and together."""
    one_by_one = {
        "state__exact": list(OrderState.values),
        "dispute_state__exact": list(DisputeState.values),
        "attention": ["any", *Attention.values],
        "currency": ["usd", "eur", "gbp", "jpy", "kwd"],
        "account": ["default", "euro", "gone"],
        "placed": ["today", "week", "month"],
    }
    for name, values in one_by_one.items():
        for value in values:
            yield listed(Order, **{name: str(value)})
    today = timezone.localdate()
    days = {"recent": 5, "a year ago": 365, "before all": 3650}
    for name, ago in days.items():
        since = today - timedelta(days=ago)
        chosen = {"placed_from": since.isoformat(), "placed_to": (since + timedelta(days=3)).isoformat()}
        yield listed(Order, f"placed {name}", **chosen)
        yield listed(Order, f"placed {name}, refunded", **chosen, state__exact="refunded")
        yield listed(Order, f"placed {name}, eur", **chosen, currency="eur")
    old = {"placed_to": (today - timedelta(days=400)).isoformat()}
    yield listed(Order, "placed long ago", **old)
    yield listed(Order, "placed long ago, pending", **old, state__exact="pending")
    yield listed(Order, "placed long ago, disputed", **old, attention="disputed")
    yield listed(Order, "usd 100 to 120", currency="usd", amount_from="100", amount_to="120")
    yield listed(Order, "usd above 3000", currency="usd", amount_from="3000")
    yield listed(Order, "usd above 900000", currency="usd", amount_from="900000")
    yield listed(Order, "jpy below 500", currency="jpy", amount_from="1", amount_to="500")
    yield listed(Order, "jpy 900 to 30000, refunded", currency="jpy", amount_from="900", state__exact="refunded")
    yield listed(Order, "usd at the euro account", currency="usd", account="euro")
    yield listed(Order, "eur at the default account, paid", currency="eur", account="default", state__exact="paid")
    yield listed(Order, "refunded, dispute lost", state__exact="refunded", dispute_state__exact="lost")
    yield listed(Order, "canceled with attention", state__exact="canceled", attention="any")
    yield listed(Order, "surplus, jpy, placed a year ago", attention="surplus", currency="jpy", **old)
    item = Item.objects.filter(currency="usd").earliest("pk").pk
    yield listed(Order, "with an item", item=str(item))
    yield listed(Order, "with an item, refunded", item=str(item), state__exact="refunded")
    yield listed(Order, "with an item, in another currency", item=str(item), currency="jpy")
    yield listed(Order, "with no such item", item="999999")


def searches() -> Iterator[Page]:
    old = Payment.objects.filter(source="payment_intent", order_id__gt=Order.objects.latest("pk").pk // 2).first()
    known: dict[str, object] = {"number": Order.objects.latest("pk").pk // 2}
    if old is not None:
        known |= {"pi_": old.payment_intent, "ch_": old.charge}
    for prefix, found, field in (
        ("cs_", Checkout.objects.first(), "session_id"),
        ("re_", Refund.objects.first(), "refund_id"),
        ("du_", Dispute.objects.first(), "dispute_id"),
        ("prv_", Review.objects.first(), "review_id"),
        ("evt_", Delivery.objects.first(), "event_id"),
        ("call", StripeCall.objects.first(), "pk"),
        ("item's name", Item.objects.first(), "name"),
    ):
        if found is not None:
            known[prefix] = getattr(found, field)
    for name, term in known.items():
        yield listed(Order, f"searched by {name}", q=str(term))
    yield listed(Order, "searched by a name of many items", q="Mug")
    yield listed(Order, "searched by a letter", q="e")
    yield listed(Order, "searched by item 1", q="item 1")
    for prefix in ("cs", "pi", "ch", "re", "du", "prv", "evt", "txn"):
        yield listed(Order, f"searched by an unknown {prefix}_", q=f"{prefix}_none")
    yield listed(Order, "searched by nonsense", q="no such thing")
    yield listed(Order, "paid, searched by a name", q="Kettle", state__exact="paid")
    yield listed(OrderLine, "searched by order", q=str(known["number"]))
    yield listed(Event, "searched by stream", q=Order.stream_of(known["number"]))
    yield listed(Event, "searched by cause", q=str(known.get("evt_", "evt_none")))
    yield listed(Delivery, "searched by event", q=str(known.get("evt_", "evt_none")))
    yield listed(Payment, "searched by pi_", q=str(known.get("pi_", "pi_none")))
    yield listed(PaymentLink, "searched by pi_", q=str(known.get("pi_", "pi_none")))
    yield listed(StripeCall, "searched by order", q=Order.stream_of(known["number"]))


def filters_of_other_lists() -> Iterator[Page]:
    for model, name, values in (
        (Checkout, "state__exact", ["open", "completed", "expired", "canceled"]),
        (Payment, "status__exact", ["processing", "failed", "succeeded"]),
        (Payment, "account", ["default", "euro", "gone"]),
        (StripeCall, "state__exact", ["requested", "succeeded", "failed", "unknown"]),
        (StripeCall, "account", ["default", "euro", "gone"]),
        (Delivery, "state__exact", ["handled", "ignored", "failed", "waiting"]),
        (Delivery, "account", ["default", "euro", "gone"]),
        (PaymentLink, "account", ["default", "euro", "gone"]),
        (PaymentLink, "order_id__isempty", ["0", "1"]),
        (RefundApproval, "state__exact", ["waiting", "approved", "declined"]),
        (Payout, "account", ["default", "euro", "gone"]),
        (BalanceTransaction, "account", ["default", "euro", "gone"]),
        (ReconciliationException, "standing", ["open", "settled", "ended"]),
        (ReconciliationException, "kind__exact", list(ExceptionKind.values)),
        (ReconciliationException, "account", ["default", "euro", "gone"]),
    ):
        for value in values:
            yield listed(model, **{name: value})


def pages_of_the_ledger() -> Iterator[Page]:
    """Each filter, and a year ago; the months, an old one and the current one."""
    line = LedgerLine.objects.order_by("pk").first()
    if line is None:
        return
    for name, values in (
        ("movement__exact", ["sale", "payment", "refund", "dispute", "payout"]),
        ("currency", ["usd", "jpy", "kwd"]),
        ("account", ["default", "euro"]),
        ("is_adjustment__exact", ["1"]),
        ("month", [f"{line.month:%Y-%m}", "2001-01"]),
    ):
        for value in values:
            yield listed(LedgerLine, **{name: value})
    middle = LedgerLine.objects.latest("pk").pk // 2
    yield listed(LedgerLine, "half-way", p=f"after~{middle}")
    yield listed(
        LedgerLine, "refunds in jpy of a month", movement__exact="refund", currency="jpy", month=f"{line.month:%Y-%m}"
    )
    yield listed(LedgerLine, "searched by order", q=str(line.order_id))
    yield listed(LedgerLine, "searched by pi_", q=line.object_id)
    months = months_of_ledger()
    for said, month in (("oldest", months[-1]), ("full, half-way", months[len(months) // 2]), ("newest", months[0])):
        yield listed(Month, f"{said}", month=f"{month:%Y-%m}")
        yield listed(LedgerLine, f"of the {said} month", month=f"{month:%Y-%m}")


def pages_of_stripes_books() -> Iterator[Page]:
    """A reconciliation, a month of it half-way, a payout and an exception half-way."""
    root = Reconciliation.objects.order_by("pk").first()
    if root is None:
        return
    yield page_of("a reconciliation", root)
    sums = sums_by_month(root)
    if sums:
        address = reverse("admin:finance_reconciliation_month", args=[root.pk, sums[len(sums) // 2].month])
        yield Page("page of a month of a reconciliation", address)
    for said, rows in (
        ("a payout", Payout.objects.order_by("created_at")),
        ("an exception", ReconciliationException.objects.order_by("found_at")),
        ("a line of Stripe's books", BalanceTransaction.objects.order_by("created_at")),
    ):
        if count := rows.count():
            row = rows[count // 2]
            yield page_of(said, row)
            yield listed(type(row), "searched by id", q=getattr(row, "object_id", row.pk))
    yield listed(ReconciliationException, "searched by month", q=f"{timezone.localdate():%Y-%m}")
    yield listed(BalanceTransaction, "searched by what moved the money", q=Payout.objects.latest("created_at").pk)


def pages_of_what_staff_did() -> Iterator[Page]:
    for model in (RefundApproval, StaffNote, HandlingRequest):
        row = model._default_manager.order_by("pk").first()
        if row is not None:
            yield page_of(str(model._meta.verbose_name), row)
            yield listed(model, "searched by order", q=str(row.order_id))


def page_of(said: str, row: Any) -> Page:
    meta = row._meta
    return Page(f"page of {said}", reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[quote(row.pk)]))
