"""To delete at Stripe what is gone there is to have succeeded."""

import pytest
import stripe

from billing.events import StripeCallFailed, StripeCallSucceeded, StripeCallUnknown
from billing.gateway.calls import judge, operations
from billing.tests.test_gateway import attempt, failure


@pytest.mark.parametrize(
    ("operation", "error", "outcome"),
    [
        ("coupons.delete", failure(404, "resource_missing"), StripeCallSucceeded(object_id="gone")),
        ("coupons.delete", failure(500), StripeCallUnknown(reason="server_error")),
        ("coupons.delete", failure(400, "parameter_unknown"), StripeCallFailed(reason="parameter_unknown")),
        ("coupons.update", failure(404, "resource_missing"), StripeCallFailed(reason="resource_missing")),
        ("coupons.retrieve", failure(500), StripeCallFailed(reason="no_answer")),
    ],
)
def test_but_not_to_change_it(operation: str, error: stripe.StripeError, outcome: object) -> None:
    assert judge(operations[operation], "gone", error, [attempt(error.http_status)]) == outcome
