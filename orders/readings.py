"""What is read of orders and e-mails when Prometheus asks."""

from collections.abc import Iterator

from django.db.models import Count, Q
from prometheus_client.core import Metric

from core.exposition import gauges, reads
from orders.models import Attention, Mail, MailState, Order, OrderState, StateCount


@reads("orders")
def orders() -> Iterator[Metric]:
    """The states from their own six rows, the reasons from the partial index of orders that have one."""
    counts = dict(StateCount.objects.values_list("state", "count"))
    yield gauges(
        "orders",
        "Orders by state, as far as the projection orders.states has come.",
        "state",
        {state.value: max(0, counts.get(state, 0)) for state in OrderState},
    )
    noticed = Order.objects.exclude(attention=[]).aggregate(
        **{reason.value: Count("pk", filter=Q(attention__contains=[reason.value])) for reason in Attention}
    )
    yield gauges("orders_to_look_at", "Orders that a person should look at, by reason.", "reason", noticed)


@reads("mails")
def unsent_mails() -> Iterator[Metric]:
    """By a partial index of those that wait: what was never tried has no reader yet, or is new."""
    waiting = Mail.objects.filter(state=MailState.WAITING).aggregate(
        untried=Count("pk", filter=Q(attempts=0)), refused=Count("pk", filter=Q(attempts__gt=0))
    )
    yield gauges("mails_unsent", "E-mails that wait: not tried yet, or refused by a server.", "tried", waiting)
