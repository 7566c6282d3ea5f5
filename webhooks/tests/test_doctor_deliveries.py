"""The doctor on webhooks: the endpoint as it is set up at Stripe, and the events that none has brought."""

from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from orders.models import Item
from orders.tests.shopping import deliver_all
from tests.simulated import SimulatedStripe, post_event
from webhooks.backfill import backfill_all
from webhooks.doctor.deliveries import NEEDED
from webhooks.tests.altered import with_fields
from webhooks.tests.conftest import Alter
from webhooks.tests.examining import (
    SHOP,
    an_hour_later,
    change_endpoint,
    endpoint_of,
    examine,
    open_endpoint,
    pay,
    replace_endpoint,
    verdicts,
)

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("well")]


class TestTheWebhookEndpoint:
    def test_that_is_missing(self, stripe_side: SimulatedStripe) -> None:
        replace_endpoint(stripe_side, url="https://me:secret@shop.test/webhooks/stripe/default")
        open_endpoint(stripe_side, "default", url="https://other.test/webhooks/stripe/default/")
        code, bill = examine()
        [(verdict, seen, to_do)] = bill["webhook"]
        assert (code, verdict) == (1, "failed")
        missing = f"no endpoint posts to {SHOP}/webhooks/stripe/default/"
        assert seen == f"{missing}; of this host there are: /webhooks/stripe/default"
        assert "2026-08-26.dahlia" in to_do
        assert "STRIPE_DEFAULT_WEBHOOK_SECRETS" in to_do
        assert bill["events"] == [("skipped", "no enabled endpoint posts to us", "")]

    @pytest.mark.parametrize("url", ["/webhooks/stripe/", "/webhooks/stripe/default/?version=2026-08-26.dahlia"])
    def test_may_have_the_address_of_all_accounts_or_a_query(self, stripe_side: SimulatedStripe, url: str) -> None:
        replace_endpoint(stripe_side, url=f"{SHOP}{url}")
        assert verdicts(examine()[1])["webhook"] == ["ok"]

    def test_that_is_disabled(self, stripe_side: SimulatedStripe) -> None:
        change_endpoint(stripe_side, disabled="true")
        code, bill = examine()
        name = endpoint_of(stripe_side)
        to_do = f"Enable {name} in the dashboard (Workbench > Webhooks)."
        assert (code, bill["webhook"]) == (1, [("failed", f"{name} is disabled", to_do)])

    def test_of_another_version(self, stripe_side: SimulatedStripe) -> None:
        name = replace_endpoint(stripe_side, api_version="2025-03-31.basil")
        code, bill = examine()
        [(verdict, seen, to_do)] = bill["webhook"]
        assert (code, verdict) == (1, "failed")
        assert seen == f"{name} sends events in 2025-03-31.basil, not in API version 2026-08-26.dahlia"
        assert f"then delete {name}: its version can't be changed" in to_do

    def test_of_no_version_of_its_own(self, altered: Alter) -> None:
        altered("/v1/webhook_endpoints", with_fields(api_version=None))
        code, bill = examine()
        [(verdict, seen, _)] = bill["webhook"]
        assert (code, verdict) == (1, "failed")
        assert "in the account's default version, not in API version 2026-08-26.dahlia" in seen

    def test_that_lacks_events(self, stripe_side: SimulatedStripe) -> None:
        name = replace_endpoint(stripe_side, *sorted(NEEDED - {"refund.failed", "coupon.deleted"}), "payout.paid")
        code, bill = examine()
        assert (code, bill["webhook"]) == (
            1,
            [
                (
                    "failed",
                    f"{name} does not send coupon.deleted, refund.failed",
                    f"Add these events to {name} in the dashboard (Workbench > Webhooks).",
                )
            ],
        )

    def test_may_be_two_that_send_all_together(self, stripe_side: SimulatedStripe) -> None:
        half = sorted(NEEDED)[::2]
        replace_endpoint(stripe_side, *half)
        assert verdicts(examine()[1])["webhook"] == ["failed"]
        open_endpoint(stripe_side, "default", *NEEDED - set(half))
        assert verdicts(examine()[1])["webhook"] == ["ok"]


def test_the_events_that_an_endpoint_needs_are_in_the_manual() -> None:
    manual = (settings.BASE_DIR / "docs" / "operations.md").read_text()
    assert [event_type for event_type in sorted(NEEDED) if f"`{event_type}`" not in manual] == []


class TestEvents:
    @pytest.fixture(autouse=True)
    def paid(self, well: None, shopper: Client, mug: Item, stripe_side: SimulatedStripe) -> None:
        pay(shopper, mug, stripe_side)

    def test_that_no_webhook_brought_are_missed_after_ten_minutes(self, stripe_side: SimulatedStripe) -> None:
        assert verdicts(examine()[1])["events"] == ["ok"]
        with an_hour_later(stripe_side):
            code, bill = examine()
        [(verdict, seen, to_do)] = bill["events"]
        assert (code, verdict) == (1, "failed")
        assert seen.startswith("4 of 4 events since ")
        assert "(0 came by backfill)" in seen
        for event_type in ("charge.succeeded", "checkout.session.completed"):
            assert f"{event_type} {stripe_side.event(event_type)['id']}" in seen
        assert endpoint_of(stripe_side) in to_do
        assert "STRIPE_DEFAULT_WEBHOOK_SECRETS" in to_do

    def test_are_not_verified_by_the_backfill_but_by_a_later_post(
        self, client: Client, stripe_side: SimulatedStripe
    ) -> None:
        assert backfill_all()["default"] == 4
        with an_hour_later(stripe_side):
            code, bill = examine()
            [(_, seen, _)] = bill["events"]
            assert code == 1
            assert seen.startswith("4 of 4 events")
            assert "(4 came by backfill)" in seen
            deliver_all(client, stripe_side)
            assert examine()[0] == 0

    def test_that_were_not_to_be_sent_are_not_missed(self, client: Client, stripe_side: SimulatedStripe) -> None:
        replace_endpoint(stripe_side, *(NEEDED - {"charge.succeeded"}))
        missed = stripe_side.event("charge.succeeded")
        for event in stripe_side.objects("event"):
            if event["id"] != missed["id"]:
                post_event(client, event)
        with an_hour_later(stripe_side):
            assert verdicts(examine()[1])["events"] == ["ok"]

    def test_from_before_the_endpoint_was_made_are_not_missed(self, stripe_side: SimulatedStripe) -> None:
        stripe_side.advance(60)
        replace_endpoint(stripe_side)
        with an_hour_later(stripe_side):
            assert examine()[1]["events"][0][1].startswith("0 events since ")

    def test_are_looked_at_from_when_they_are_asked_for(self, stripe_side: SimulatedStripe) -> None:
        with an_hour_later(stripe_side):
            assert examine("--since=2d")[0] == 1
            just_now = timezone.now() - timedelta(minutes=30)
            assert examine(f"--since={just_now.isoformat()}")[0] == 0

    def test_of_many_pages_are_all_looked_at(
        self, shopper: Client, stripe_side: SimulatedStripe, django_assert_max_num_queries: Any
    ) -> None:
        for number in range(120):
            stripe_side.in_dashboard("POST", "/v1/coupons", percent_off="5", duration="once", name=f"Coupon {number}")
        with an_hour_later(stripe_side), django_assert_max_num_queries(400):
            [(_, seen, _)] = examine()[1]["events"]
        assert seen.startswith("124 of 124 events")
        assert "and 119 more" in seen
