"""What Stripe tells of coupons and tax rates: checked when it is news, and never by a handler."""

import pytest
from django.test import Client

from billing.models import Discount, StripeCall, Tax
from billing.tests.conftest import mirroring  # noqa: F401 a fixture is found by being here
from billing.tests.mirrors import change, coupons, five_dollars, queued, story, vat, work
from tests.simulated import SimulatedStripe, post_event
from webhooks.backfill import backfill_all
from webhooks.models import Delivery

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("mirroring")]


@pytest.mark.parametrize("kind", ["coupon", "tax_rate"])
class TestAWebhook:
    """It makes no call: it queues a check, when it tells something new."""

    def made(self, kind: str) -> Discount | Tax:
        row = five_dollars() if kind == "coupon" else vat()
        work()
        return row

    def post(self, client: Client, side: SimulatedStripe, event_type: str) -> str:
        delivered = post_event(client, side.event(event_type))
        assert delivered.status_code == 200
        return str(delivered.json()["state"])

    def test_about_a_change_of_ours_is_no_news(self, client: Client, stripe_side: SimulatedStripe, kind: str) -> None:
        row = self.made(kind)
        assert self.post(client, stripe_side, f"{kind}.created") == "handled"
        change(row, name="Other")
        work()
        assert self.post(client, stripe_side, f"{kind}.updated") == "handled"
        row.delete()
        work()
        event_type = "coupon.deleted" if kind == "coupon" else "tax_rate.updated"
        assert self.post(client, stripe_side, event_type) == "handled"
        assert queued() == []

    def test_about_somebodys_change_queues_one_check(
        self, client: Client, stripe_side: SimulatedStripe, kind: str
    ) -> None:
        row = self.made(kind)
        [made] = stripe_side.objects(kind)
        name = "name" if kind == "coupon" else "display_name"
        for number in range(3):
            stripe_side.in_dashboard("POST", f"/v1/{kind}s/{made['id']}", **{name: f"Sale {number}"})
            assert self.post(client, stripe_side, f"{kind}.updated") == "handled"
        assert [(task, args) for _, task, args in queued()] == [("billing.check_account", {"account": "default"})]
        work()
        assert stripe_side.objects(kind)[0][name] == row.name

    def test_that_overtakes_the_answer_changes_nothing(
        self, client: Client, stripe_side: SimulatedStripe, kind: str
    ) -> None:
        row = five_dollars() if kind == "coupon" else vat()
        stripe_side.order_fault("timeout_after", f"POST /v1/{kind}s", seconds=0.1)
        work(rounds=1, dry=False)
        before = [task for _, task, _ in queued()]
        assert self.post(client, stripe_side, f"{kind}.created") == "handled"
        assert [task for _, task, _ in queued()] == before
        work()
        assert not any("drift" in line for line in story(f"{'discount' if kind == 'coupon' else 'tax'}-{row.pk}"))

    def test_about_somebody_elses_object_is_ignored(
        self, client: Client, stripe_side: SimulatedStripe, kind: str
    ) -> None:
        fields = {"percent_off": "1"} if kind == "coupon" else {"percentage": "1", "display_name": "T"}
        inclusive = {} if kind == "coupon" else {"inclusive": "false"}
        stripe_side.in_dashboard("POST", f"/v1/{kind}s", **fields, **inclusive)
        assert self.post(client, stripe_side, f"{kind}.created") == "ignored"
        assert (Delivery.objects.get().reason, queued()) == ("not_ours", [])

    def test_signed_by_another_account_is_not_about_ours(
        self, client: Client, stripe_side: SimulatedStripe, kind: str
    ) -> None:
        self.made(kind)
        delivered = post_event(client, stripe_side.event(f"{kind}.created"), account="euro")
        assert (delivered.json()["state"], Delivery.objects.get().reason) == ("ignored", "not_ours")

    def test_of_the_other_mode_is_ignored(self, client: Client, stripe_side: SimulatedStripe, kind: str) -> None:
        self.made(kind)
        post_event(client, stripe_side.event(f"{kind}.created") | {"livemode": True})
        assert Delivery.objects.get().reason == "wrong_livemode"

    def test_makes_no_call(self, client: Client, stripe_side: SimulatedStripe, kind: str) -> None:
        self.made(kind)
        calls = StripeCall.objects.count()
        event = stripe_side.event(f"{kind}.created")
        event["data"]["object"]["name" if kind == "coupon" else "display_name"] = "Other"
        post_event(client, event)
        assert [task for _, task, _ in queued()] == ["billing.check_account"]
        assert StripeCall.objects.count() == calls


def test_a_deleted_coupon_is_heard_of(client: Client, stripe_side: SimulatedStripe) -> None:
    discount = five_dollars()
    work()
    [coupon] = stripe_side.objects("coupon")
    stripe_side.in_dashboard("DELETE", f"/v1/coupons/{coupon['id']}")
    post_event(client, stripe_side.event("coupon.deleted"))
    work()
    assert coupons(stripe_side)["default"] == [("Welcome", None, 500, "usd")]
    for told in ("coupon.created", "coupon.deleted"):
        post_event(client, stripe_side.event(told))
    work()
    assert len([line for line in story(f"discount-{discount.pk}") if "drift" in line]) == 1, "no loop"


def test_what_no_webhook_brought_is_brought_in(stripe_side: SimulatedStripe) -> None:
    five_dollars()
    work()
    [coupon] = stripe_side.objects("coupon")
    stripe_side.in_dashboard("DELETE", f"/v1/coupons/{coupon['id']}")
    assert backfill_all() == {"default": 2, "euro": 0}
    work()
    assert coupons(stripe_side)["default"] == [("Welcome", None, 500, "usd")]
