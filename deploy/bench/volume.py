"""The webhook path with full tables beside itself with empty ones, and many deliveries about one order in each."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial

from deploy.bench.contender import NUMBERS, Contender, Evidence, Posted
from deploy.bench.desk_database import desk_environment, run_python
from deploy.bench.goals import EMPTY_HOT, FULL, HOT, OURS
from deploy.bench.peers.running import running_textbook
from deploy.bench.scratch import own_database
from deploy.bench.subject import DELIVERED, RECORDED, Subject, running_subject
from deploy.processes import StepError


@contextmanager
def running_with_volume(server_url: str, orders: int) -> Iterator[list[Contender]]:
    """The tables are filled with so many orders and what belongs to them. Raises StepError."""
    with ExitStack() as stack:
        empty, full = (stack.enter_context(own_database(server_url)) for _ in range(2))
        fill_tables(full, orders)
        contenders: list[Contender] = []
        for database_url, spread_out, hot in ((empty, OURS, EMPTY_HOT), (full, FULL, HOT)):
            subject = stack.enter_context(running_subject(database_url))
            contenders += [subject.paying(spread_out), one_hot_order(subject, hot)]
        print(f"full tables: {Evidence(full, RECORDED).count():,} events of {orders:,} orders")
        # It tells how steady the machine is.
        *_, empty_view = stack.enter_context(
            running_textbook(stack.enter_context(own_database(server_url)), subject.specimen)
        )
        yield [*contenders, empty_view]


def fill_tables(database_url: str, orders: int) -> None:
    environment = desk_environment(database_url)
    for arguments in (("migrate", "--verbosity=0"), ("generate", "--orders", str(orders))):
        if run_python(environment, "manage.py", *arguments):
            raise StepError(f"manage.py {' '.join(arguments)} failed")


def one_hot_order(subject: Subject, name: str) -> Posted:
    """Each delivery is another event, and all of them are about one order."""
    [order] = NUMBERS.draw(1)
    subject.make_orders(range(order, order + 1))
    return Posted(
        name=name,
        port=subject.port,
        meter=subject.meter,
        request=partial(subject.delivery_about, order),
        databases=[subject.database_url],
        evidence=[subject.evidence(DELIVERED)],
    )
