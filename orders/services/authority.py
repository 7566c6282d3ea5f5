"""Whether who acts may give back more than the limit, asked in the transaction that decides."""

from django.conf import settings
from django.contrib.auth import get_user_model

from core.eventlog import provenance
from orders.decisions.approving import Authority

UNLIMITED = "orders.refund_above_limit"


def present_authority() -> Authority:
    """Of the actor in force. Whoever is no person has the limits of one."""
    actor = provenance.current().actor
    role, _, key = actor.partition(":")
    people = get_user_model().objects
    person = people.filter(pk=key).first() if role == "staff" and key.isdecimal() else None
    return Authority(
        actor=actor,
        is_unlimited=person is not None and person.has_perm(UNLIMITED),
        limits=settings.REFUND_LIMIT,
    )
