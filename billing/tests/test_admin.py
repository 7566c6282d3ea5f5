"""Stripe calls in the admin: to look at, for everybody."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django.fixtures import DjangoAssertNumQueries

from billing.events import StripeCallRequested
from billing.models import StripeCall
from billing.projections import CallAggregate
from core.eventlog import provenance

pytestmark = pytest.mark.django_db


def requested(number: int, account: str = "default") -> StripeCall:
    """A call on record that nobody sends."""
    key = f"00000000-0000-4000-8000-{number:012}"
    intent = StripeCallRequested(
        account=account,
        operation="checkout.sessions.create",
        idempotency_key=key,
        target="",
        body={"mode": "payment"},
        subject=f"order-{number}",
    )
    with provenance.acting("system:test"):
        call = CallAggregate.begin(key)
        call.record(intent)
        call.save()
    return call.root


class TestStripeCalls:
    def test_show_their_body_and_their_events(self, admin_client: Client) -> None:
        call = requested(1)
        page = admin_client.get(f"/admin/billing/stripecall/{call.pk}/change/").content.decode()
        assert "&quot;mode&quot;: &quot;payment&quot;" in page
        assert "stripe.call.requested" in page
        assert "/admin/core/event/?q=order-1" in page

    @pytest.mark.parametrize("part", ["change", "delete"])
    def test_are_not_touched_by_a_superuser(self, admin_client: Client, part: str) -> None:
        call = requested(1)
        answer = admin_client.post(f"/admin/billing/stripecall/{call.pk}/{part}/", {"state": "failed", "post": "yes"})
        assert answer.status_code == 403
        assert StripeCall.objects.get().state == "requested"

    def test_are_listed_newest_first_by_account(self, admin_client: Client) -> None:
        first, second, _ = requested(1), requested(2), requested(3, "euro")
        page = admin_client.get("/admin/billing/stripecall/", {"account": "default"})
        assert [str(call.pk) for call in page.context["cl"].result_list] == [second.pk, first.pk]

    @pytest.mark.parametrize("term", ["order-2", "00000000-0000-4000-8000-000000000002"])
    def test_are_found_by_what_is_indexed(self, admin_client: Client, term: str) -> None:
        requested(1)
        call = requested(2)
        page = admin_client.get("/admin/billing/stripecall/", {"q": term})
        assert [str(found.pk) for found in page.context["cl"].result_list] == [call.pk]

    def test_ask_no_more_when_they_are_many(
        self, admin_client: Client, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        requested(0)
        admin_client.get("/admin/billing/stripecall/")
        with CaptureQueriesContext(connection) as captured:
            admin_client.get("/admin/billing/stripecall/")
        asked = len(captured)
        for number in range(1, 30):
            requested(number)
        with django_assert_num_queries(asked):
            admin_client.get("/admin/billing/stripecall/")
