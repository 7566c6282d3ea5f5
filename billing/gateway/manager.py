"""The base of the managers: one for each Stripe resource."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, ClassVar

from billing.decisions import RESOURCE_MISSING
from billing.gateway.calls import Body, Operation, execute_call, intend_call, operations
from billing.gateway.errors import StripeRefused, refusal_of
from billing.models import StripeCall
from core.configuration import Account

PAGE = 100  # the most that Stripe lists at once
CLOCK_SKEW = timedelta(minutes=5)


class ResourceManager:
    """Journals, sends, times and classifies; a subclass says what its resource is called and what can be done with it.

    `operations` maps a verb to an Operation; it is registered as `<resource>.<verb>`, the name that stands in the log.
    """

    resource: ClassVar[str]
    operations: ClassVar[dict[str, Operation]]

    def __init_subclass__(cls) -> None:
        operations.update({f"{cls.resource}.{verb}": operation for verb, operation in cls.operations.items()})

    def __init__(self, account: Account) -> None:
        self.account = account

    def intend(self, verb: str, **call: Any) -> StripeCall:
        """Put a call on record in the caller's transaction (see `intend_call`); send it with `execute_call` after."""
        return intend_call(account=self.account.name, operation=f"{self.resource}.{verb}", **call)

    def listed(self, query: Body, *, subject: str = "") -> Iterator[Body]:
        """Every object that Stripe lists, newest first."""
        for page in self.pages(query, subject=subject):
            yield from page

    def pages(self, query: Body, *, subject: str = "") -> Iterator[list[Body]]:
        """Pages of what Stripe lists, newest first; none is empty."""
        query = query | {"limit": PAGE}
        while True:
            page = self.read("list", body=query, subject=subject)
            if page["data"]:
                yield page["data"]
            if not page["has_more"]:
                return
            query = query | {"starting_after": page["data"][-1]["id"]}

    def find_by_call(self, call: StripeCall, query: Body) -> Body | None:
        """The listed object whose metadata names this call: how to find out what a lost answer had made."""
        listed = self.listed(query, subject=call.subject)
        return next((dict(found) for found in listed if made_by(found, call)), None)

    def find_created(self, call: StripeCall) -> Body | None:
        """What this call created, if it did; for objects that can't be searched by metadata: by time of creation."""
        if call.requested_at is None:
            return None
        # Open-ended: a killed process may have sent the request long after it was put on record.
        since = {"gte": int((call.requested_at - CLOCK_SKEW).timestamp())}
        return self.find_by_call(call, {"created": since})

    def find_by_id(self, object_id: str, *, subject: str) -> Body | None:
        """The object, or None where Stripe has none of that id."""
        try:
            return self.read("retrieve", target=object_id, subject=subject)
        except StripeRefused as refused:
            if refused.ids["reason"] == RESOURCE_MISSING:
                return None
            raise

    def read(self, verb: str, *, target: str = "", body: Body | None = None, subject: str = "") -> Body:
        """A plain read, journaled too: its intent is committed, it is sent, its outcome recorded.

        Raises StripeRefused or StripeUnreachable.
        """
        call = self.intend(verb, target=target, body=body, subject=subject)
        reply = execute_call(call)
        if reply.stripe_object is None:
            raise refusal_of(StripeCall.objects.get(pk=call.pk))
        return reply.stripe_object


def made_by(found: Body, call: StripeCall) -> bool:
    return bool((found["metadata"] or {}).get("call_id") == str(call.pk))
