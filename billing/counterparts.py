"""What a checkout needs at Stripe: the coupon and the tax rates of exactly the terms that its order was placed with."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from billing.accounts import account_named
from billing.events import DiscountVersionNeeded, TaxVersionNeeded
from billing.gateway.errors import StripeRefused, StripeUnreachable
from billing.mirroring import KINDS, Kind, Terms, carry_out, installation_of, mirror_of, next_call
from billing.models import Counterpart, CounterpartState
from billing.quotes import DiscountTerms, TaxTerms
from core.configuration import Account

# A call that was under way, the one that is needed, and the answer; more when others change the same just now.
ROUNDS = 10


@dataclass(frozen=True, kw_only=True)
class Counterparts:
    """Ids at Stripe by discount or tax, and version."""

    coupons: dict[tuple[int, int], str]
    tax_rates: dict[tuple[int, int], str]


def counterparts_for(*, account: str, discount: DiscountTerms | None, taxes: Iterable[TaxTerms]) -> Counterparts:
    """All of them, made first where they are missing: never less than was asked, so nobody is charged another price.

    A version that isn't the current one is made anew from the given terms, and kept for a day. No transaction may be
    open. Raises AccountNotConfigured, StripeRefused (a current version is asked for again only when somebody syncs it)
    or StripeUnreachable.
    """
    at = account_named(account)
    with transaction.atomic(durable=True):
        pass  # what is made at Stripe would outlive a rollback
    discounts = [discount] if discount else []
    return Counterparts(
        coupons={
            (one.discount, one.version): object_for(KINDS["discount"], at, one.discount, one) for one in discounts
        },
        tax_rates={(tax.tax, tax.version): object_for(KINDS["tax"], at, tax.tax, tax) for tax in taxes},
    )


def object_for(kind: Kind, account: Account, key: int, terms: Terms) -> str:
    """The id of one version's object. What others do meanwhile (save a new version, say) is seen in each round."""
    for number in range(ROUNDS):
        counterpart = need_counterpart(kind, account, key, terms, is_asked=number > 0)
        if counterpart.is_live:
            return counterpart.object_id
        if counterpart.state == CounterpartState.FAILED:
            raise StripeRefused(reason=counterpart.reason)
        if call := next_call(kind, key, account, version=terms.version):
            carry_out(call)
    raise StripeUnreachable


def need_counterpart(kind: Kind, account: Account, key: int, terms: Terms, *, is_asked: bool) -> Counterpart:
    """The counterpart as it stands, put on record as needed for a day more unless its version is current.

    `is_asked` says that this checkout has done so already.
    """
    counterpart_key = f"{key}-{terms.version}-{account.name}"
    current: Counterpart | None = kind.counterparts.filter(pk=counterpart_key, is_current=True).first()
    if current is not None:
        return current
    with transaction.atomic(durable=True):
        mirror = mirror_of(kind, key)
        known = mirror.children(mirror.counterpart_model).get(counterpart_key)
        if known is None or not (known.is_current or (is_asked and known.is_needed(timezone.now()))):
            asked = {"account": account.name, "installation": installation_of(mirror.root)}
            if isinstance(terms, DiscountTerms):
                mirror.record(DiscountVersionNeeded(terms=terms, **asked))
            else:
                mirror.record(TaxVersionNeeded(terms=terms, **asked))
            mirror.save()
        return mirror.children(mirror.counterpart_model)[counterpart_key]
