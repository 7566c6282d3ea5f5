"""The simulator's books: what they say that an order must be in the end, however it came to that."""

from collections.abc import Iterable, Sequence
from typing import Any

from orders.models import SETTLED_STATES, Order, OrderState
from simulator.payments import WAITING
from tests.simulated import SimulatedStripe

OPEN_DISPUTES = {"warning_needs_response", "warning_under_review", "needs_response", "under_review"}


class Books:
    """Everything that Stripe has, as it is now."""

    def __init__(self, stripe: SimulatedStripe) -> None:
        self._charges = stripe.objects("charge")
        self._refunds = stripe.objects("refund")
        self._disputes = stripe.objects("dispute")
        self._sessions = stripe.objects("checkout.session")
        self._intents = stripe.objects("payment_intent")

    def check(self, order: Order) -> None:
        charges = of_order(self._charges, order)
        ids = {charge["id"] for charge in charges}
        received = total_of(charges, "amount_captured")
        refunded = total_of((one for one in self._refunds if one["charge"] in ids), "amount")
        assert (order.received, order.refunded) == (received, refunded)
        assert order.surplus == max(0, received - refunded - order.due)
        assert order.state in self._states_of(order, received, refunded)
        assert order.dispute_state == dispute_state_of(
            {one["status"] for one in self._disputes if one["charge"] in ids}
        )
        assert not self._still_payable(order), "it is paid or canceled, and could be paid again"

    def _states_of(self, order: Order, received: int, refunded: int) -> set[str]:
        """An order can be canceled only while nothing was paid, so a canceled one may have received anything."""
        if order.canceled_at:
            return {"canceled"}
        if order.placed_at is None:
            return {"draft"}
        if received < order.total or (order.total == received == 0 and not self._is_given_away(order)):
            return {"pending"}
        if refunded == 0 or received - refunded >= order.total:
            return {"paid"}
        return {"partially_refunded"} if received > refunded else {"refunded"}

    def _is_given_away(self, order: Order) -> bool:
        """Whether a Session of it was completed and required no payment."""
        sessions = of_order(self._sessions, order)
        return any(one["payment_status"] == "no_payment_required" and one["status"] == "complete" for one in sessions)

    def _still_payable(self, order: Order) -> list[str]:
        """Of an order that wants no more money: what is open at Stripe of it. A Session ends its own intent."""
        if order.state not in {*SETTLED_STATES, OrderState.CANCELED}:
            return []
        sessions = of_order(self._sessions, order)
        of_sessions = {session["payment_intent"] for session in sessions}
        intents = [one for one in of_order(self._intents, order) if one["id"] not in of_sessions]
        waiting = [one["id"] for one in intents if one["status"] in WAITING]
        return waiting + [one["id"] for one in sessions if one["status"] == "open"]


def of_order(objects: Sequence[Any], order: Order) -> list[Any]:
    return [one for one in objects if one["metadata"].get("order_id") == str(order.pk)]


def total_of(objects: Iterable[Any], field: str) -> int:
    return sum(int(one[field]) for one in objects if one["status"] == "succeeded")


def dispute_state_of(statuses: set[str]) -> str:
    if "lost" in statuses:
        return "lost"
    if statuses & OPEN_DISPUTES:
        return "open"
    return "won" if "won" in statuses else "none"
