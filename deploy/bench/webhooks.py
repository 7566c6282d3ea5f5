"""The webhook path beside its peers: who they are, and how they are started."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial

from deploy.bench.contender import Contender, Evidence, Meter, Scripted
from deploy.bench.cpu import find_postmaster
from deploy.bench.goals import AGAIN, OURS
from deploy.bench.peers.running import running_djstripe, running_textbook
from deploy.bench.pgbench import TRACES, find_pgbench, make_orders, make_tables, same_statements, six_statements
from deploy.bench.scratch import own_database
from deploy.bench.specimen import Specimen
from deploy.bench.subject import PAID, Subject, running_subject

DJSTRIPE = {
    "processed": ("dj-stripe", "dj-stripe, duplicate"),
    "stored": ("dj-stripe, stores only",),
    "callback": ("dj-stripe, callback",),
}
PLAIN = ("textbook view", "signature only", "empty view")
SIX, SAME = "pgbench, six statements", "pgbench, our own SQL"
ALL = (OURS, AGAIN, *(name for names in DJSTRIPE.values() for name in names), *PLAIN, SIX, SAME)
# Whom a goal is about, and the anchors.
MAIN = tuple(name for name in ALL if name not in ("textbook view", SAME))


@contextmanager
def running(server_url: str, names: Sequence[str]) -> Iterator[list[Contender]]:
    """Those of these names, in databases of their own that are dropped at the end. Our own side is always started."""
    with ExitStack() as stack:

        def database() -> str:
            return stack.enter_context(own_database(server_url))

        subject = stack.enter_context(running_subject(database()))
        found: list[Contender] = [subject.paying(OURS), subject.paying_again(AGAIN)]
        variants = [variant for variant, its_names in DJSTRIPE.items() if not set(its_names).isdisjoint(names)]
        if variants:
            found += stack.enter_context(running_djstripe(database(), subject.specimen, variants))
        if not set(PLAIN).isdisjoint(names):
            found += stack.enter_context(running_textbook(database(), subject.specimen))
        if SIX in names:
            found.append(six(database(), subject.specimen))
        if SAME in names:
            found.append(same(subject))
        yield [one for one in found if one.name in names]


def six(database_url: str, specimen: Specimen) -> Scripted:
    make_tables(database_url)
    return Scripted(
        name=SIX,
        program=find_pgbench(),
        database_url=database_url,
        script=six_statements(specimen),
        meter=Meter([find_postmaster(database_url)]),
        make=partial(make_orders, database_url),
        evidence=[Evidence(database_url, query) for query in TRACES],
    )


def same(subject: Subject) -> Scripted:
    return Scripted(
        name=SAME,
        program=find_pgbench(),
        database_url=subject.database_url,
        script=same_statements(subject.specimen),
        meter=Meter([find_postmaster(subject.database_url)]),
        make=subject.make_orders,
        evidence=[subject.evidence(PAID)],
    )
