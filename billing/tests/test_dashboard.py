"""Links into Stripe's dashboard: the right account, the right mode."""

import pytest
import requests
from django.conf import LazySettings
from django.utils import timezone

from billing.dashboard import dashboard_url, learn_identity, stripe_ids
from billing.models import StripeCall, StripeIdentity
from core.eventlog import provenance
from tests.simulated import SimulatedStripe

pytestmark = pytest.mark.django_db(transaction=True)


def learn(name: str) -> None:
    with provenance.acting("system:test"):
        learn_identity(name)


class TestALink:
    @pytest.mark.parametrize(
        ("livemode", "object_id", "place"),
        [
            (False, "pi_3Bx", "test/payments/pi_3Bx"),
            (True, "pi_3Bx", "payments/pi_3Bx"),
            (True, "ch_1", "payments/ch_1"),
            (False, "re_1", "test/refunds/re_1"),
            (True, "du_1", "disputes/du_1"),
            (False, "cs_test_a1", "test/checkout/sessions/cs_test_a1"),
            (True, "prv_1", "search?query=prv_1"),
        ],
    )
    def test_leads_to_what_it_is_of(self, settings: LazySettings, livemode: bool, object_id: str, place: str) -> None:
        settings.STAND_IN_ORIGIN = ""
        assert dashboard_url("default", livemode, object_id) == f"https://dashboard.stripe.com/{place}"
        StripeIdentity.objects.create(account="default", stripe_id="acct_1", read_at=timezone.now())
        assert dashboard_url("default", livemode, object_id) == f"https://dashboard.stripe.com/acct_1/{place}"
        assert dashboard_url("euro", livemode, object_id) == f"https://dashboard.stripe.com/{place}"

    def test_leads_to_the_stand_in_where_that_is_used(self, stripe_side: SimulatedStripe) -> None:
        learn("default")
        session = stripe_side.in_dashboard(
            "POST", "/v1/payment_intents", amount="500", currency="usd", **{"payment_method_types[]": "card"}
        )
        address = dashboard_url("default", livemode=False, object_id=session["id"])
        assert address.startswith(f"{stripe_side.base}/dashboard/acct_")
        assert session["id"] in requests.get(address, timeout=10).text


class TestAnIdentity:
    def test_is_what_stripe_says_once_a_day(self, stripe_side: SimulatedStripe) -> None:
        for _ in range(2):
            learn("default")
        assert stripe_ids() == {"default": stripe_side.in_dashboard("GET", "/v1/account")["id"]}
        assert StripeCall.objects.filter(operation="accounts.retrieve").count() == 1

    def test_stays_unknown_while_stripe_does_not_say(self, stripe_side: SimulatedStripe) -> None:
        stripe_side.order_fault("http_500", "GET /v1/account")
        learn("default")
        learn("gone")
        assert stripe_ids() == {}
