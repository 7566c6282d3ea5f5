"""Whether an account is the one that is meant: its key, its clock, its mode, its currency."""

from collections.abc import Iterator

from django.conf import settings

from billing.gateway.errors import KEY_REFUSED, NO_ANSWER, NOT_PERMITTED
from billing.gateway.events import Events
from core.configuration import ALL_OTHER_CURRENCIES
from orders.models import Order, OrderState
from webhooks.doctor.findings import Observation, failed, note, ok, skipped, some_of
from webhooks.doctor.patients import Patient

# From 300 seconds on no signature is good any more (billing.gateway.signatures).
MOST_SKEW_SECONDS = 60


def probe_key(patient: Patient) -> Iterator[Observation]:
    """Failed when Stripe doesn't know the key, doesn't answer, or knows two of our accounts as one.

    A restricted key that may not read its account is good: that it is refused this says that it is known.
    """
    key = patient.setting("SECRET_KEY")
    if patient.whose:
        yield from compare_with_others(patient, patient.whose["id"])
    elif patient.refusal == NOT_PERMITTED:
        yield ok("Stripe knows the key, a restricted one that may not read its account")
    elif patient.refusal == KEY_REFUSED:
        yield failed("Stripe refuses the key", f"Put a valid key into {key} (dashboard: Developers > API keys).")
    elif patient.refusal == NO_ANSWER:
        base = settings.STRIPE_API_BASE or "https://api.stripe.com"
        yield failed("Stripe does not answer", f"Let this machine reach {base}, or see status.stripe.com.")
    else:
        yield failed(
            f"Stripe does not say whose key this is: {patient.refusal}",
            "Look at the request in the dashboard (Workbench > Logs).",
        )


def compare_with_others(patient: Patient, account_id: str) -> Iterator[Observation]:
    twins = [other.account.name for other in patient.others if other.whose and other.whose["id"] == account_id]
    if twins:
        yield failed(
            f"{account_id} is the account of {', '.join(twins)} too",
            f"Put the key of another account into {patient.setting('SECRET_KEY')}.",
        )
    else:
        yield ok(f"{account_id}, {mode_of(patient.account.livemode)} mode")


def probe_clock(patient: Patient) -> Iterator[Observation]:
    """Failed when our clock and Stripe's differ by more than a minute."""
    if patient.clock_skew is None:
        yield skipped("Stripe's answer bears no date")
        return
    seconds = round(patient.clock_skew.total_seconds())
    seen = f"our clock is {abs(seconds)} s {'ahead of' if seconds > 0 else 'behind'} Stripe's"
    if abs(seconds) > MOST_SKEW_SECONDS:
        yield failed(seen, "Let NTP set this machine's clock: from 300 s on the webhooks' signatures are refused.")
    else:
        yield ok(seen)


def probe_livemode(patient: Patient) -> Iterator[Observation]:
    """Failed when Stripe's objects are of the other mode than the key, or when orders wait that were placed with a key
    of the other mode: what is paid for them would not count.
    """
    configured, other = mode_of(patient.account.livemode), mode_of(not patient.account.livemode)
    key = patient.setting("SECRET_KEY")
    waiting = Order.objects.filter(account=patient.account.name, state=OrderState.PENDING)
    misplaced = list(waiting.exclude(livemode=patient.account.livemode).order_by("pk").values_list("pk", flat=True))
    if misplaced:
        yield failed(
            f"orders that wait for payment were placed in {other} mode: {some_of(misplaced)}",
            f"Put the {other} key back into {key} until they are paid or canceled.",
        )
    newest = Events(patient.account).read("list", body={"limit": 1})["data"]
    modes = {found["livemode"] for found in [*patient.endpoints, *newest]}
    if not modes <= {patient.account.livemode}:
        yield failed(
            f"a {configured} key is answered with {other} objects",
            f"Put the {configured} key of the right account into {key} (dashboard: Developers > API keys).",
        )
    elif not misplaced:
        yield ok(f"{configured} key, {configured} objects" if modes else f"{configured} key; Stripe has no object yet")


def probe_currency(patient: Patient) -> Iterator[Observation]:
    """Failed when what this account settles in is charged to another of our accounts, which has to convert it: the
    settings, or the keys, of the two look exchanged.

    A note when no account of ours could do better: Stripe converts what comes in and takes a fee for that. A currency
    that is served beside the one it settles in is nothing to tell.
    Source: docs.stripe.com/currencies/conversions
    """
    settled, served = patient.settles_in, sorted(patient.account.currencies)
    currencies = patient.setting("CURRENCIES")
    if settled is None:
        yield note(
            "Stripe does not tell what currency the account settles in",
            f"Let the key of {patient.setting('SECRET_KEY')} read its account, if it is a restricted one.",
        )
        return
    better_here = [other for other in patient.others if settled in other.account.currencies]
    if settled in served or (ALL_OTHER_CURRENCIES in served and not better_here):
        yield ok(f"settles in {settled}, serves {', '.join(served)}")
    elif better_here and better_here[0].settles_in not in {settled, None}:
        converting = better_here[0]
        yield failed(
            f"settles in {settled}, which is charged to {converting.account.name}, which settles in "
            f"{converting.settles_in}",
            f"Move {settled} from {converting.setting('CURRENCIES')} to {currencies}, or exchange the keys of the two.",
        )
    else:
        yield note(
            f"settles in {settled}, serves {', '.join(served)}: Stripe converts every payment, for a fee",
            f"Add {settled} to {currencies}, or a bank account in a served currency to the Stripe account.",
        )


def mode_of(livemode: bool) -> str:  # noqa: FBT001 Stripe's own field
    return "live" if livemode else "test"
