"""How the facts of a call fold into its row, and those of a mirror into it and its counterparts."""

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any, ClassVar

from billing.events import (
    NOT_RETIRED,
    CounterpartFailed,
    CounterpartSynced,
    DiscountDriftFound,
    DiscountSynced,
    DiscountSyncFailed,
    DiscountSyncRequested,
    DiscountVersionNeeded,
    DriftFound,
    StripeCallAttempted,
    StripeCallFailed,
    StripeCallRequested,
    StripeCallSucceeded,
    StripeCallUnknown,
    TaxDriftFound,
    TaxSynced,
    TaxSyncFailed,
    TaxSyncRequested,
    TaxVersionNeeded,
)
from billing.models import (
    CallState,
    Counterpart,
    CounterpartState,
    Coupon,
    DiscountMirror,
    Mirror,
    StripeCall,
    TaxMirror,
    TaxRate,
)
from billing.quotes import DiscountTerms, TaxTerms
from core.eventlog.aggregate import Aggregate
from core.eventlog.applying import by_fact

# How long a Checkout Session can be paid at most: docs.stripe.com/api/checkout/sessions/create, `expires_at`.
SESSION_LIFETIME = timedelta(hours=24)
CREATIONS = frozenset({"created", "replaced", "revived", "recreated"})


class CallAggregate(Aggregate[StripeCall]):
    root_model: ClassVar = StripeCall

    @by_fact
    def apply(self, fact: object, recorded_at: datetime) -> None:
        raise TypeError(f"{type(fact).__name__} is no fact of a call")

    @apply.register
    def _requested(self, fact: StripeCallRequested, recorded_at: datetime) -> None:
        call = self.root
        call.account, call.operation, call.target = fact.account, fact.operation, fact.target
        call.body, call.subject = fact.body, fact.subject
        call.requested_at = recorded_at

    @apply.register
    def _attempted(self, fact: StripeCallAttempted, recorded_at: datetime) -> None:
        self.root.attempts = fact.number
        self.root.tried_at = recorded_at

    @apply.register
    def _succeeded(self, fact: StripeCallSucceeded, recorded_at: datetime) -> None:
        self.root.object_id = fact.object_id
        self._settle(CallState.SUCCEEDED, "", recorded_at)

    @apply.register
    def _failed(self, fact: StripeCallFailed, recorded_at: datetime) -> None:
        self._settle(CallState.FAILED, fact.reason, recorded_at)

    @apply.register
    def _unknown(self, fact: StripeCallUnknown, recorded_at: datetime) -> None:
        self.root.state, self.root.reason, self.root.tried_at = CallState.UNKNOWN, fact.reason, recorded_at

    def _settle(self, state: CallState, reason: str, recorded_at: datetime) -> None:
        self.root.state, self.root.reason, self.root.settled_at = state, reason, recorded_at


class MirrorAggregate[Root: Mirror](Aggregate[Root]):
    """A mirror with its counterparts, one for each version and account that was ever asked for."""

    counterpart_model: ClassVar[type[Counterpart]]
    synced_fact: ClassVar[type[CounterpartSynced]]
    failed_fact: ClassVar[type[CounterpartFailed]]
    drift_fact: ClassVar[type[DriftFound]]

    @property
    def counterparts(self) -> list[Counterpart]:
        return sorted(self.children(self.counterpart_model).values(), key=lambda one: (one.version, one.account))

    @by_fact
    def apply(self, fact: object, recorded_at: datetime) -> None:
        raise TypeError(f"{type(fact).__name__} is no fact of a mirror")

    @apply.register
    def _discount_requested(self, fact: DiscountSyncRequested, recorded_at: datetime) -> None:
        self._request(fact, coupon_terms(fact.terms), {"name": fact.terms.name}, recorded_at)

    @apply.register
    def _tax_requested(self, fact: TaxSyncRequested, recorded_at: datetime) -> None:
        mirror: Any = self.root
        mirror.jurisdiction, mirror.country = fact.jurisdiction, fact.country
        self._request(fact, tax_rate_terms(fact.terms), tax_rate_labels(mirror, fact.terms), recorded_at)

    @apply.register
    def _discount_version_needed(self, fact: DiscountVersionNeeded, recorded_at: datetime) -> None:
        self._need(fact, coupon_terms(fact.terms), {"name": fact.terms.name}, recorded_at)

    @apply.register
    def _tax_version_needed(self, fact: TaxVersionNeeded, recorded_at: datetime) -> None:
        self._need(fact, tax_rate_terms(fact.terms), tax_rate_labels(self.root, fact.terms), recorded_at)

    @apply.register
    def _synced(self, fact: CounterpartSynced, recorded_at: datetime) -> None:
        counterpart = self._counterpart(fact.version, fact.account)
        counterpart.object_id, counterpart.told = fact.object_id, fact.labels
        counterpart.is_live = fact.what != "retired"
        counterpart.generation += fact.what in CREATIONS
        stand(counterpart, recorded_at)

    @apply.register
    def _failed(self, fact: CounterpartFailed, recorded_at: datetime) -> None:
        counterpart = self._counterpart(fact.version, fact.account)
        counterpart.generation += fact.what == "create"
        stand(counterpart, recorded_at)
        # To make what nobody needs any more can't fail.
        if not fact.again and counterpart.state == CounterpartState.PENDING:
            counterpart.state, counterpart.settled_at = CounterpartState.FAILED, recorded_at
        counterpart.reason = fact.reason

    @apply.register
    def _drifted(self, fact: DriftFound, recorded_at: datetime) -> None:
        counterpart = self._counterpart(fact.version, fact.account)
        if set(fact.differences) <= counterpart.labels.keys():
            counterpart.told = {key: told for key, told in counterpart.told.items() if key not in fact.differences}
        else:
            # It is gone, or what has its id is not it any more.
            counterpart.is_live = NOT_RETIRED in fact.differences
        stand(counterpart, recorded_at)

    def _request(
        self, fact: DiscountSyncRequested | TaxSyncRequested, terms: Any, labels: Any, recorded_at: datetime
    ) -> None:
        mirror = self.root
        mirror.installation = mirror.installation or fact.installation
        mirror.version, mirror.terms = fact.terms.version, asdict(fact.terms)
        mirror.is_deleted, mirror.requested_at = fact.deleted, recorded_at
        for counterpart in self.counterparts:
            if counterpart.is_current or counterpart.state in {CounterpartState.PENDING, CounterpartState.FAILED}:
                touched = self._counterpart(counterpart.version, counterpart.account)
                touched.is_current, touched.requested_at = False, recorded_at
                stand(touched, recorded_at)
        for account in () if fact.deleted else fact.accounts:
            counterpart = self._counterpart(mirror.version, account)
            counterpart.terms, counterpart.labels = terms, labels
            counterpart.is_current, counterpart.requested_at = True, recorded_at
            stand(counterpart, recorded_at)

    def _need(
        self, fact: DiscountVersionNeeded | TaxVersionNeeded, terms: Any, labels: Any, recorded_at: datetime
    ) -> None:
        self.root.installation = self.root.installation or fact.installation
        counterpart = self._counterpart(fact.terms.version, fact.account)
        if not counterpart.is_live:
            counterpart.terms, counterpart.labels = terms, labels
        counterpart.needed_until = recorded_at + SESSION_LIFETIME
        counterpart.requested_at = recorded_at
        stand(counterpart, recorded_at)

    def _counterpart(self, version: int, account: str) -> Counterpart:
        counterpart = self.touch(self.counterpart_model, f"{self.root.pk}-{version}-{account}")
        counterpart.version, counterpart.account = version, account
        return counterpart


class DiscountAggregate(MirrorAggregate[DiscountMirror]):
    root_model: ClassVar = DiscountMirror
    counterpart_model: ClassVar = Coupon
    synced_fact: ClassVar = DiscountSynced
    failed_fact: ClassVar = DiscountSyncFailed
    drift_fact: ClassVar = DiscountDriftFound
    child_models: ClassVar = {Coupon: "mirror_id"}


class TaxAggregate(MirrorAggregate[TaxMirror]):
    root_model: ClassVar = TaxMirror
    counterpart_model: ClassVar = TaxRate
    synced_fact: ClassVar = TaxSynced
    failed_fact: ClassVar = TaxSyncFailed
    drift_fact: ClassVar = TaxDriftFound
    child_models: ClassVar = {TaxRate: "mirror_id"}


def stand(counterpart: Counterpart, at: datetime) -> None:
    """The state in which nothing has failed: settled when Stripe has what is needed and was told what it is called."""
    counterpart.state, counterpart.reason = standing_of(counterpart, at), ""
    counterpart.settled_at = None if counterpart.state == CounterpartState.PENDING else at


def standing_of(counterpart: Counterpart, at: datetime) -> CounterpartState:
    if not counterpart.is_needed(at):
        return CounterpartState.PENDING if counterpart.is_live else CounterpartState.RETIRED
    is_done = counterpart.is_live and counterpart.told == counterpart.labels
    return CounterpartState.SYNCED if is_done else CounterpartState.PENDING


def coupon_terms(terms: DiscountTerms) -> dict[str, Any]:
    """The parameters of a coupon that can't be edited."""
    if terms.percent_off is not None:
        return {"percent_off": terms.percent_off}
    return {"amount_off": terms.amount_off, "currency": terms.currency}


def tax_rate_terms(terms: TaxTerms) -> dict[str, Any]:
    """The parameters of a tax rate that can't be edited."""
    return {"percentage": terms.percentage, "inclusive": terms.inclusive}


def tax_rate_labels(mirror: Any, terms: TaxTerms) -> dict[str, Any]:
    """The parameters of a tax rate that can be edited; whether it is active is one of them."""
    return {
        "display_name": terms.name,
        "jurisdiction": mirror.jurisdiction,
        "country": mirror.country,
        "active": True,
    }
