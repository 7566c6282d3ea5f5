"""Wrong money on purpose, so that shops can be shown what Stripe should never tell them.

A session may be given another amount, currency or livemode than it was opened with: from the moment it is paid, it, its
PaymentIntent, its charge and their events say so. Or a part of a new session's totals is off by an offset.
"""

from typing import Any

from simulator.errors import unexpected_state
from simulator.staged import take_staged
from simulator.state import Json
from simulator.totals import Totals
from simulator.world import Scope


def distort_session(scope: Scope, session: Json, **changes: Any) -> None:
    """Order what an open session says once it is paid; it replaces what was ordered for it before."""
    if session["status"] != "open":
        raise unexpected_state(f"This Checkout Session has a status of {session['status']}.")
    notes = scope.account.records("_session")[session["id"]]
    scope.account.note("_session", session["id"], notes | {"distortion": changes})


def apply_distortion(scope: Scope, session: Json) -> None:
    session |= scope.account.records("_session")[session["id"]].get("distortion", {})
    scope.account.put(session)


def offset_totals(scope: Scope, totals: Totals) -> Totals:
    """The totals of a new session, with the offset that was ordered for it."""
    ordered = take_staged(scope, "totals")
    return totals.shift(**ordered) if ordered else totals
