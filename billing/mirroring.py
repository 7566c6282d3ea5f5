"""Discounts and taxes at Stripe: what is asked for in the transaction of a change, and how it is brought about."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import msgspec
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from procrastinate.contrib.django import app

from billing.accounts import CurrencyNotServed, account_of_currency, configured_accounts
from billing.decisions import Step, decide_outcome, next_steps
from billing.events import DiscountSyncRequested, TaxSyncRequested
from billing.gateway.calls import Body, Reply, completes, settle_call
from billing.gateway.coupons import Coupons, coupon_body
from billing.gateway.errors import StripeUnreachable
from billing.gateway.manager import ResourceManager
from billing.gateway.tax_rates import TaxRates, tax_rate_body
from billing.models import OPEN_STATES, Counterpart, Discount, DiscountMirror, Mirror, StripeCall, Tax, TaxMirror
from billing.projections import DiscountAggregate, MirrorAggregate, TaxAggregate
from billing.quotes import DiscountTerms, TaxTerms
from billing.services import try_or_wait
from core.configuration import Account

type Terms = DiscountTerms | TaxTerms
type Asked = tuple[Terms, dict[str, str]]

SYNC_JOB = "billing.sync_mirror"
WRITES = ("coupons.create", "coupons.update", "coupons.delete", "tax_rates.create", "tax_rates.update")


@dataclass(frozen=True, kw_only=True)
class Kind:
    """What discounts and taxes differ in; `retirement` is the verb and the parameters that take an object away."""

    model: type[Discount | Tax]
    terms: type[Terms]
    aggregate: type[MirrorAggregate[Any]]
    manager: type[ResourceManager]
    body: Callable[..., Body]
    retirement: tuple[str, Body]

    @property
    def mirrors(self) -> QuerySet[Any]:
        return self.aggregate.root_model._default_manager.all()

    @property
    def counterparts(self) -> QuerySet[Any]:
        return self.aggregate.counterpart_model._default_manager.all()


KINDS = {
    "discount": Kind(
        model=Discount,
        terms=DiscountTerms,
        aggregate=DiscountAggregate,
        manager=Coupons,
        body=coupon_body,
        retirement=("delete", {}),
    ),
    "tax": Kind(
        model=Tax,
        terms=TaxTerms,
        aggregate=TaxAggregate,
        manager=TaxRates,
        body=tax_rate_body,
        retirement=("update", {"active": False}),
    ),
}


def kind_of(row: Discount | Tax | Mirror) -> Kind:
    mirror_model = row if isinstance(row, Mirror) else row.mirror_model
    return KINDS[mirror_model.stream_prefix]


def request_sync(row: Discount | Tax, *, change: str = "saved") -> None:
    """Put on record what Stripe should have, in the caller's transaction, with the job that brings it about.

    `change` as billing.events.SyncRequested has it.
    """
    ask(mirror_of(kind_of(row), row.pk), asked_of(row), change=change, deleted=False)


def request_retirement(row: Discount | Tax) -> None:
    """As above, for a row that is being deleted: Stripe should have nothing of it."""
    mirror = mirror_of(kind_of(row), row.pk)
    ask(mirror, last_asked(mirror.root) or asked_of(row), change="deleted", deleted=True)


def repeat_request(seen: Mirror, version: int) -> bool:
    """As above, with what was asked last: what had failed is tried again.

    False where something has happened since the mirror's stream had that version.
    """
    mirror = kind_of(seen).aggregate.load_locked(seen.pk)
    if mirror.root.stream_version != version:
        return False
    if asked := last_asked(mirror.root):
        ask(mirror, asked, change="asked", deleted=mirror.root.is_deleted)
    return True


def request_removal(seen: Mirror) -> None:
    """As above, of a row that was deleted without a signal."""
    mirror = kind_of(seen).aggregate.load_locked(seen.pk)
    if (asked := last_asked(mirror.root)) and not mirror.root.is_deleted:
        ask(mirror, asked, change="found", deleted=True)


def mirror_of(kind: Kind, key: int) -> MirrorAggregate[Any]:
    """The mirror, locked, or begun where there is none yet."""
    try:
        return kind.aggregate.load_locked(key)
    except kind.aggregate.root_model.DoesNotExist:
        return kind.aggregate.begin(key)


def asked_of(row: Discount | Tax) -> Asked:
    return row.terms, tax_labels(row)


def last_asked(mirror: Mirror) -> Asked | None:
    """None when nothing was asked for yet."""
    return (msgspec.convert(mirror.terms, kind_of(mirror).terms), tax_labels(mirror)) if mirror.version else None


def tax_labels(row: Discount | Tax | Mirror) -> dict[str, str]:
    """What Stripe is told of a tax beside its terms."""
    return {"jurisdiction": row.jurisdiction, "country": row.country} if isinstance(row, Tax | TaxMirror) else {}


def ask(mirror: MirrorAggregate[Any], asked: Asked, *, change: str, deleted: bool) -> None:
    terms, labels = asked
    request: dict[str, Any] = {
        "terms": terms,
        "change": change,
        "deleted": deleted,
        "accounts": () if deleted else accounts_of(terms),
        "installation": installation_of(mirror.root),
        **labels,
    }
    mirror.record(DiscountSyncRequested(**request) if isinstance(terms, DiscountTerms) else TaxSyncRequested(**request))
    mirror.save()
    queue_sync(mirror.root.stream)


def accounts_of(terms: Terms) -> tuple[str, ...]:
    """The accounts that need a counterpart: an amount is of use to the account of its currency alone."""
    if isinstance(terms, TaxTerms) or terms.currency is None:
        return tuple(configured_accounts())
    try:
        return (account_of_currency(terms.currency).name,)
    except CurrencyNotServed:
        return ()


def installation_of(mirror: Mirror) -> str:
    """The id by which this installation knows its objects on an account that it shares: random, made once.

    Two first saves at once may make two; each mirror keeps its own, so that does no harm.
    """
    if mirror.installation:
        return mirror.installation
    for mirrors in (DiscountMirror.objects, TaxMirror.objects):
        if known := mirrors.first():
            return known.installation
    return secrets.token_hex(4)


def queue_sync(stream: str) -> None:
    """One job for each request, without a queueing lock: a job that is being taken may not see this transaction yet."""
    app.configure_task(SYNC_JOB).defer(stream=stream)


def sync_mirror(stream: str) -> None:
    """Do all that is to be done for one mirror at every account; what was refused is on record as failed.

    Safe to run twice at once. Raises StripeUnreachable when something is left, having done the rest.
    """
    prefix, _, key = stream.partition("-")
    kind, unreachable = KINDS[prefix], False
    for account in configured_accounts().values():
        try:
            sync_account(kind, int(key), account)
        except StripeUnreachable:
            unreachable = True
    if unreachable:
        raise StripeUnreachable


def sync_account(kind: Kind, key: int, account: Account) -> None:
    while call := next_call(kind, key, account):
        carry_out(call)


def next_call(kind: Kind, key: int, account: Account, *, version: int | None = None) -> StripeCall | None:
    """The call that is under way for this mirror at this account, or a new one on record for the next step, if any.

    Decided under the mirror's lock, which every outcome takes too: so there is never more than one at a time.
    `version` leaves alone what is to be done for others.
    """
    with transaction.atomic(durable=True):
        mirror = kind.aggregate.load_locked(key)
        if under_way := open_writes(mirror.root.stream).filter(account=account.name).first():
            return under_way
        for step, counterpart in next_steps(mirror, account.name, timezone.now()):
            if version in {None, counterpart.version}:
                return intend_step(kind, mirror.root, account, step, counterpart)
    return None


def open_writes(stream: str) -> QuerySet[StripeCall]:
    return StripeCall.objects.filter(subject=stream, operation__in=WRITES, state__in=OPEN_STATES)


def intend_step(kind: Kind, mirror: Mirror, account: Account, step: Step, counterpart: Counterpart) -> StripeCall:
    call_id = uuid4()
    target = "" if step == Step.CREATE else counterpart.object_id
    if step == Step.CREATE:
        verb, body = "create", kind.body(counterpart, installation=mirror.installation, call_id=call_id)
    elif step == Step.RENAME:
        verb, body = "update", counterpart.labels
    else:
        verb, body = kind.retirement
    return kind.manager(account).intend(verb, target=target, body=body, subject=mirror.stream, call_id=call_id)


def carry_out(call: StripeCall) -> None:
    """Send a call (again), or wait for who has it under way; raises StripeUnreachable while nobody knows what became of
    it.
    """
    try_or_wait(call)
    if StripeCall.objects.get(pk=call.pk).is_open:
        raise StripeUnreachable


def learn_outcome(call: StripeCall, reply: Reply) -> None:
    """The mirror learns what came of a call in the transaction that settles it, whoever learnt of it."""
    prefix, _, key = call.subject.partition("-")
    mirror = KINDS[prefix].aggregate.load_locked(int(key))
    if settle_call(call, reply):
        mirror.record(*decide_outcome(mirror, call, reply.outcome))
        mirror.save()


for operation in WRITES:
    completes(operation)(learn_outcome)
