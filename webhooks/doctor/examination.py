"""The probes, and how they are put to an account one after another."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import NamedTuple

from billing.accounts import configured_accounts
from billing.gateway.errors import NOT_PERMITTED, StripeRefused, StripeUnreachable
from core.eventlog import provenance
from webhooks.doctor.accounts import probe_clock, probe_currency, probe_key, probe_livemode
from webhooks.doctor.deliveries import probe_events, probe_webhook
from webhooks.doctor.findings import Finding, Observation, failed, skipped
from webhooks.doctor.mirrors import probe_mirrors
from webhooks.doctor.patients import Patient, patients_of


class Probe(NamedTuple):
    """`reads` is what a restricted key needs read permission for, as Stripe's dashboard calls it."""

    look: Callable[[Patient], Iterator[Observation]]
    reads: str


PROBES = {
    "key": Probe(probe_key, "its account"),
    "clock": Probe(probe_clock, "its account"),
    "livemode": Probe(probe_livemode, "webhook endpoints and events"),
    "currency": Probe(probe_currency, "its account"),
    "webhook": Probe(probe_webhook, "webhook endpoints"),
    "events": Probe(probe_events, "webhook endpoints and events"),
    "mirrors": Probe(probe_mirrors, "coupons and tax rates"),
}


def examine_accounts(*, since: datetime | None = None) -> list[Finding]:
    """Every probe at every account, in the order of the settings; events are looked at from `since` on, 30 days back at
    most.
    """
    with provenance.acting("system:doctor"):
        patients = patients_of(configured_accounts().values(), since=since)
        return [finding for patient in patients for finding in examine(patient)]


def examine(patient: Patient) -> Iterator[Finding]:
    """All probes; what comes after the key is skipped where Stripe does not listen to it."""
    why_skipped = ""
    for name, probe in PROBES.items():
        observations = [skipped(why_skipped)] if why_skipped else list(observe(patient, probe))
        for verdict, seen, to_do in observations:
            yield Finding(account=patient.account.name, probe=name, verdict=verdict, seen=seen, to_do=to_do)
        if patient.is_unheard:
            why_skipped = why_skipped or observations[0].seen


def observe(patient: Patient, probe: Probe) -> Iterator[Observation]:
    """What a probe saw up to where Stripe did not answer it, and that."""
    try:
        yield from probe.look(patient)
    except StripeUnreachable:
        yield failed("Stripe does not answer", "Try again; see status.stripe.com.")
    except StripeRefused as refused:
        if refused.ids["reason"] == NOT_PERMITTED:
            yield failed(
                f"the key, a restricted one, may not read {probe.reads}: this could not be looked at",
                f"Permit the key of {patient.setting('SECRET_KEY')} to read {probe.reads} (dashboard: Developers > API "
                "keys); where Stripe wants more, its log of the request names the permission (Workbench > Logs).",
            )
        else:
            yield failed(
                f"Stripe refused to answer: {refused.ids['reason']}",
                "Look at the request in the dashboard (Workbench > Logs).",
            )
