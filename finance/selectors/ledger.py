"""What the ledger says: of an order, of a month."""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date

from django.db.models import Max, Min, Sum
from django.utils.translation import gettext as _

from core.money import format_money
from finance.books.months import month_after
from finance.models import (
    BalanceTransaction,
    BookedObject,
    BookedTransaction,
    LedgerAccount,
    LedgerLine,
    Month,
    Movement,
)
from orders.models import Order

LOOKED_UP = 1000  # transactions of one payout


def fees_of(order: Order) -> Iterator[tuple[str, str]]:
    """`("Fee", "$0.59"), ("Net", "$9.41")` of an order that moved money; net is what it left at Stripe."""
    fees: Counter[str] = Counter()
    cash: Counter[str] = Counter()
    lines = LedgerLine.objects.filter(order_id=order.pk).values_list("currency", "movement", "debit", "credit")
    for currency, movement, debit, credit, amount in lines.annotate(total=Sum("amount")):
        cash[currency] += amount * ((debit == LedgerAccount.CASH) - (credit == LedgerAccount.CASH))
        if movement == Movement.FEE:
            fees[currency] += amount if debit == LedgerAccount.FEES else -amount
    if cash:
        known = has_all_transactions(order)
        yield _("Fee"), in_words(fees, order.currency) if known else _("not known yet")
        yield _("Net"), in_words(cash, order.currency) if known else _("not known yet")


def has_all_transactions(order: Order) -> bool:
    """Whether Stripe's books were read for all that moved money."""
    moved = BookedObject.objects.filter(order_id=order.pk).exclude(cash=[]).values_list("pk", flat=True)
    read = BookedTransaction.objects.filter(object_id__in=moved).values_list("object_id", flat=True)
    return set(moved) <= set(read)


def in_words(amounts: Mapping[str, int], currency: str) -> str:
    """Nothing is nothing in the given currency."""
    parts = sorted((code, amount) for code, amount in amounts.items() if amount) or [(currency, 0)]
    return " + ".join(format_money(amount, code) for code, amount in parts)


def latest_closed() -> Month | None:
    """Closing a month closes all before it."""
    return Month.objects.filter(after__isnull=False).order_by("-pk").first()


def first_open_month_before(month: date) -> date | None:
    """The first one with lines that was not closed."""
    earlier = LedgerLine.objects.filter(month__lt=month)
    if closed := latest_closed():
        earlier = earlier.filter(month__gt=closed.first_day)
    return earlier.order_by("month", "id").values_list("month", flat=True).first()


def months_of_ledger() -> list[date]:
    """Those with lines, and those without between them, newest first."""
    found = LedgerLine.objects.aggregate(first=Min("month"), last=Max("month"))
    months = []
    month = found["first"]
    while month and month <= found["last"]:
        months.append(month)
        month = month_after(month)
    return months[::-1]


def booked_currencies() -> list[str]:
    """One look-up in an index for each: to read them off the lines would read all of them."""
    found: list[str] = []
    lines = LedgerLine.objects.order_by("currency", "id").values_list("currency", flat=True)
    while (above := lines.filter(currency__gt=found[-1] if found else "").first()) is not None:
        found.append(above)
    return found


def lines_of_object(object_id: str) -> set[str]:
    """What the lines about an object of Stripe's, or about its balance transactions, have as theirs."""
    known = BookedObject.objects.filter(pk=object_id).values_list("payment_intent", flat=True).first()
    named = {object_id, known or object_id}
    return named | set(BookedTransaction.objects.filter(object_id__in=named).values_list("pk", flat=True))


def adjustments_in(month: date) -> int:
    """Lines about months that were closed before."""
    return LedgerLine.objects.filter(month=month, is_adjustment=True).count()


def orders_of_books(stripe_id: str) -> Iterator[int]:
    """The orders that a balance transaction, or what an automatic payout took along, belongs to."""
    if stripe_id.startswith("txn_"):
        ids = [stripe_id]
    elif stripe_id.startswith("po_"):
        ids = list(BalanceTransaction.objects.filter(payout=stripe_id).values_list("pk", flat=True)[:LOOKED_UP])
    else:
        return
    objects = BookedTransaction.objects.filter(pk__in=ids).values("object_id")
    found = BookedObject.objects.filter(pk__in=objects, order_id__isnull=False).values_list("order_id", flat=True)
    yield from (order_id for order_id in found if order_id is not None)
