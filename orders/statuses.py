"""What an order's page tells its shopper: one sentence of what happened, one of what to do next.

Pure: everything follows from the order's rows, which are read once, why it was canceled, and where the shopper comes
from. Only what the rows say is said: nothing was charged only where nothing came in, an amount only as it stands there.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core.money import format_money
from core.times import written_date
from orders import sums
from orders.declines import DECLINED, advice_on
from orders.models import Attention, CheckoutState, DisputeState, Order, OrderState, Payment, PaymentStatus
from orders.selectors import payment_progress

type Words = str | Promise


@dataclass(frozen=True, kw_only=True)
class Status:
    """`tone` is `waiting`, `good`, `neutral` or `warning`; `also` is whatever else is true of the order.

    `payable`: a checkout may be opened now (orders.decisions.checkouts.refuse_unless_payable agrees).
    """

    tone: str
    title: Words
    happened: Words
    to_do: Words
    payable: bool = False
    also: tuple[Words, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Return:
    """How the shopper comes to the page: back from paying, or back from a payment that was refused on the way."""

    paid: bool = False
    refused: bool = False


NOT_RETURNING = Return()

DRAFT = Status(
    tone="neutral",
    title=_("Not placed yet"),
    happened=_("This order is still being put together."),
    to_do=_("Open your basket to go on with it."),
)
UNPAID = Status(
    tone="neutral",
    title=_("Not paid yet"),
    happened=_("Your order is placed, and we know of no payment yet."),
    to_do=_("Pay when you are ready."),
    payable=True,
)
UNCONFIRMED = Status(
    tone="neutral",
    title=_("Not confirmed yet"),
    happened=_("Your order is placed, and there is nothing to pay for it."),
    to_do=_("Confirm it at the checkout, where no card is asked for."),
    payable=True,
)
EXPIRED = Status(
    tone="neutral",
    title=_("The checkout has expired"),
    happened=_("It was open for as long as our payment provider allows, and nothing was charged."),
    to_do=_("Open it again when you are ready; your order is as you placed it."),
    payable=True,
)
MISMATCHED = Status(
    tone="warning",
    title=_("The payment was not opened"),
    happened=_("Our payment provider would have charged another amount than we showed you, so we stopped it."),
    to_do=_("A person looks into it; you can try again."),
    payable=True,
)
CONFIRMING = Status(
    tone="waiting",
    title=_("We are confirming your payment"),
    happened=_("The result is on its way to us from our payment provider."),
    to_do=_("Do not pay again. This page updates by itself as soon as we know."),
)
PROCESSING = Status(
    tone="waiting",
    title=_("Your payment is being processed"),
    happened=_("Your payment method takes a while to confirm; that can be days."),
    to_do=_("Do not pay again. You can close this page and come back to it."),
)
UNCLEAR = Status(
    tone="warning",
    title=_("We are looking at your payment"),
    happened=_("What we received is not what this order needs, maybe in another currency."),
    to_do=_("Do not pay again. A person will put it right and contact you if needed."),
)
GIVEN_BACK = Status(
    tone="neutral",
    title=_("Your payment was given back"),
    happened=_("What we received was not what this order needs, so we gave it back."),
    to_do=_("Order again whenever you like."),
)
PAID = Status(
    tone="good",
    title=_("Paid"),
    happened=_("We received your payment. Thank you!"),
    to_do=_("There is nothing more for you to do."),
)
COMPLETE = replace(PAID, title=_("Complete"), happened=_("There was nothing to pay, and your order is confirmed."))
IN_REVIEW = replace(PAID, to_do=_("We take a look at it before we go on; there is nothing for you to do."))
PARTIALLY_REFUNDED = Status(
    tone="good",
    title=_("Partly refunded"),
    happened=_("We received {received} and gave {refunded} of it back."),
    to_do="",
)
REFUNDED = Status(tone="neutral", title=_("Refunded"), happened=_("We gave your payment of {refunded} back."), to_do="")
REFUND_FAILED = Status(
    tone="warning",
    title=_("A refund did not reach you"),
    happened=_("Your bank did not take what we gave back, so we still owe it to you."),
    to_do=_("A person takes care of it, and contacts you if we need to know where to send it."),
)
DISPUTED = Status(
    tone="neutral",
    title=_("Your bank is looking into this payment"),
    happened=_("Your bank has asked us about it on your behalf, and we answer."),
    to_do=_("Your bank decides, and tells you. If it asks by mistake, tell your bank."),
)
DISPUTE_LOST = Status(
    tone="neutral",
    title=_("Your bank gave you the money back"),
    happened=_("Your bank decided about this payment in your favor."),
    to_do=_("There is nothing more for you to do."),
)
CANCELED = Status(
    tone="neutral",
    title=_("Canceled"),
    happened=_("This order was canceled and can no longer be paid."),
    to_do=_("Order again whenever you like."),
)
# By the reason of order.canceled.
BY_SHOP = _("The shop canceled this order, and it can no longer be paid.")
CANCELED_BECAUSE = {
    "staff": BY_SHOP,
    "requested_by_customer": BY_SHOP,
    "stale": _("This order was not paid in time, and can no longer be paid."),
    "price_changed": _("The price changed before this order was paid, so it was canceled."),
}

# A bank takes so long to show a refund. Source: docs.stripe.com/refunds
BUSINESS_DAYS = 10
FRIDAY = 4
# Who comes back from paying after a decline has paid at a second try, of which we hear within this time. Later the
# decline is the last word: a slow payment method says no while the address still tells of the way back.
SECOND_TRY = timedelta(minutes=15)


def status_of(
    order: Order, *, returning: Return = NOT_RETURNING, canceled_because: str = "", now: datetime | None = None
) -> Status:
    """The truth about an order for its shopper; its payments, checkouts, refunds and disputes should be prefetched."""
    if order.state == OrderState.DRAFT:
        return DRAFT
    now = now or timezone.now()
    if order.state == OrderState.PENDING:
        return replace(waiting_status(order, returning, now), also=tuple(money_notes(order, now)))
    settled, notes = settled_status(order, canceled_because, now), tuple(money_notes(order, now))
    over = list(overriding(order))
    if not over:
        return replace(settled, also=notes)
    return replace(over[0], also=(*(status.happened for status in over[1:]), *said_beside(order, settled), *notes))


def said_beside(order: Order, settled: Status) -> Iterator[Words]:
    """What became of an order, where something else comes first."""
    if order.state in {OrderState.PARTIALLY_REFUNDED, OrderState.REFUNDED}:
        yield f"{settled.happened} {settled.to_do}"
    elif order.state != OrderState.PAID or not is_short(order):
        yield settled.happened  # no thanks for what is not all here


def is_short(order: Order) -> bool:
    return Attention.UNDERPAID in order.attention or order.dispute_state == DisputeState.LOST


def waiting_status(order: Order, returning: Return, now: datetime) -> Status:
    """Of a placed order that is neither paid nor canceled.

    That money does not fit is told by the order's own row: the payments are read by another query, which may see a
    delivery that this row has not seen yet.
    """
    progress = payment_progress(order)
    if progress == "succeeded" and is_given_back(order):
        return GIVEN_BACK
    if {Attention.UNDERPAID, Attention.UNCOUNTED} & set(order.attention):
        return unclear(order)
    if progress == "processing" and order.payments.all():
        return PROCESSING
    if progress in {"processing", "succeeded"} or (returning.paid and may_have_paid(order, progress, now)):
        return CONFIRMING
    return unpaid_status(order, progress, returning)


def may_have_paid(order: Order, progress: str, now: datetime) -> bool:
    """Whether who comes back from paying can have paid, although we have not heard of it."""
    if progress != "open":
        return not order.checkouts.all()  # one that ended unpaid was not paid
    return all(now - declined.updated_at < SECOND_TRY for declined in declines(order)[-1:])


def unpaid_status(order: Order, progress: str, returning: Return) -> Status:
    if progress in {"open", "failed"} and (declined := declines(order)):
        return declined_status(declined[-1])
    if progress == "open" and returning.refused:
        return declined_status(None)
    states = {checkout.state for checkout in order.checkouts.all()}
    if Attention.QUOTE_MISMATCHED in order.attention and CheckoutState.OPEN not in states:
        return MISMATCHED
    if progress == "none" and CheckoutState.EXPIRED in states:
        return EXPIRED
    return UNPAID if order.total else UNCONFIRMED


def declines(order: Order) -> list[Payment]:
    """Payments that failed, the last one last; a Charge, which has the reason, after the Session that ended by it."""
    failed = [payment for payment in order.payments.all() if payment.status == PaymentStatus.FAILED]
    return sorted(failed, key=lambda payment: (payment.updated_at, bool(payment.failure_code)))


def declined_status(payment: Payment | None) -> Status:
    happened, to_do = advice_on(payment.failure_code) if payment else DECLINED
    return Status(
        tone="warning", title=_("The payment did not go through"), happened=happened, to_do=to_do, payable=True
    )


def unclear(order: Order) -> Status:
    if Attention.UNDERPAID not in order.attention or not order.received:
        return UNCLEAR
    happened = gettext("We received {received}, and this order costs {total}.").format(
        received=format_money(order.received, order.currency), total=format_money(order.total, order.currency)
    )
    return replace(UNCLEAR, happened=happened)


def is_given_back(order: Order) -> bool:
    """Whether every payment that came in went back in full: none of it paid for the order."""
    words = sums.succeeded_words(order.payments.all())
    given = Counter[str]()
    for refund in order.refunds.all():
        given[refund.payment_intent] += refund.amount if refund.status == sums.REFUND_MADE else 0
    return all(given[intent] >= sums.best_word(of_intent).amount for intent, of_intent in words.items())


def overriding(order: Order) -> Iterator[Status]:
    """What a shopper should know before what became of the order, the weightiest first."""
    attention = set(order.attention)
    # Until a person has looked at it; where all is given back, nothing is owed.
    if Attention.REFUND_FAILED in attention and not is_given_back(order):
        yield REFUND_FAILED
    if {Attention.UNDERPAID, Attention.UNCOUNTED} & attention:
        yield unclear(order)
    if order.dispute_state == DisputeState.OPEN:
        yield DISPUTED
    if order.dispute_state == DisputeState.LOST:
        lost = taken_back(order)
        happened = gettext("Your bank decided in your favor and gave you {amount} back.")
        yield (
            replace(DISPUTE_LOST, happened=happened.format(amount=format_money(lost, order.currency)))
            if lost
            else DISPUTE_LOST
        )


def taken_back(order: Order) -> int:
    """What lost disputes took, in minor units of the order's currency."""
    return sum(one.amount for one in order.disputes.all() if (one.status, one.currency) == ("lost", order.currency))


def settled_status(order: Order, canceled_because: str, now: datetime) -> Status:
    if order.state == OrderState.CANCELED:
        return replace(CANCELED, happened=CANCELED_BECAUSE.get(canceled_because, CANCELED.happened))
    if order.state == OrderState.PAID:
        return paid_status(order)
    far = REFUNDED if order.state == OrderState.REFUNDED else PARTIALLY_REFUNDED
    amounts = {name: format_money(getattr(order, name), order.currency) for name in ("received", "refunded")}
    return replace(far, happened=str(far.happened).format(**amounts), to_do=when_to_expect(order, now))


def paid_status(order: Order) -> Status:
    if Attention.IN_REVIEW in order.attention:
        return IN_REVIEW
    return PAID if order.received or order.total else COMPLETE


def money_notes(order: Order, now: datetime) -> Iterator[str]:
    """What is still to go back, or went back without being what became of the order."""
    if (owed := order.surplus - taken_back(order)) > 0:
        yield gettext("We received {amount} more than was due, and will return it.").format(
            amount=format_money(owed, order.currency)
        )
    if order.refunded and order.state not in {OrderState.PARTIALLY_REFUNDED, OrderState.REFUNDED}:
        given = gettext("We gave {amount} back.").format(amount=format_money(order.refunded, order.currency))
        yield f"{given} {when_to_expect(order, now)}"
    for status, said in ON_THEIR_WAY.items():
        for amount, currency in sums_of(order, status):
            yield str(said).format(amount=format_money(amount, currency))
    if order.dispute_state == DisputeState.WON:
        yield gettext("Your bank had asked us about this payment, and decided that it stands.")
    if order.state == OrderState.CANCELED and sums.undecided_intents(order.payments.all()):
        yield gettext("A payment of it is still being processed; we return what comes in.")


# By status of a Refund. Source: docs.stripe.com/refunds, where one that requires action asks its payer by e-mail.
ON_THEIR_WAY = {
    "pending": _("A refund of {amount} is on its way."),
    "requires_action": _("A refund of {amount} waits for you: look for an e-mail that asks where to send it."),
}


def sums_of(order: Order, status: str) -> Iterable[tuple[int, str]]:
    """What refunds of a status add up to, by currency."""
    amounts = Counter[str]()
    for refund in order.refunds.all():
        if refund.status == status:
            amounts[refund.currency] += refund.amount
    return [(amount, currency) for currency, amount in sorted(amounts.items())]


def when_to_expect(order: Order, now: datetime) -> str:
    """By when the last refund is on the shopper's account; '' where none is known that was made."""
    made = [refund.updated_at for refund in order.refunds.all() if refund.status == sums.REFUND_MADE]
    if not made:
        return gettext("Banks take 5 to 10 business days to show it.")
    sent = timezone.localtime(max(made)).date()
    due = after_business_days(sent, BUSINESS_DAYS)
    if due < timezone.localtime(now).date():
        return gettext("We sent it on {sent}; ask your bank if you don't see it.").format(sent=written_date(sent))
    return gettext(
        "We sent it on {sent}; your bank shows it within 5 to 10 business days, by {due} at the latest."
    ).format(sent=written_date(sent), due=written_date(due))


def after_business_days(day: date, days: int) -> date:
    """Weekends don't count; holidays, which differ by bank, do."""
    while days:
        day += timedelta(days=1)
        days -= day.weekday() <= FRIDAY
    return day
