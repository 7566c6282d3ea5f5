"""Accounts that are gone from the settings, or whose keys have changed, while orders are open."""

import importlib
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
import structlog
from django.conf import LazySettings
from django.core.management import call_command
from django.test import Client
from django.utils import timezone
from freezegun import freeze_time
from procrastinate import cli
from structlog.typing import EventDict

from billing.accounts import AccountNotConfigured
from billing.models import Discount, StripeCall
from billing.services import sweep_open_calls
from core.eventlog import provenance
from core.eventlog.replay import check_rows
from core.models import Event
from deploy.processes import ROOT
from orders.models import Item, Order
from orders.services.accounts import unserved_accounts
from orders.services.canceling import cancel_order
from orders.services.expiring import cancel_stale_orders
from orders.services.refunding import refund_payment
from orders.tests.shopping import buy, deliver_all
from tests.environment import TEST_ENVIRONMENT
from tests.simulated import SimulatedStripe, post_event
from webhooks.backfill import backfill_all
from webhooks.models import Delivery, DeliveryState
from webhooks.services import retry_deliveries

pytestmark = pytest.mark.django_db(transaction=True)

LIVE = "sk_live_default"


@pytest.fixture
def said() -> Iterator[list[EventDict]]:
    with structlog.testing.capture_logs() as lines:
        yield lines


def of_accounts(said: list[EventDict]) -> list[EventDict]:
    return [
        {name: value for name, value in line.items() if name != "log_level"}
        for line in said
        if str(line["event"]).startswith("account.")
    ]


def remove_account(settings: LazySettings) -> None:
    settings.STRIPE_ACCOUNTS = {"euro": settings.STRIPE_ACCOUNTS["euro"]}


def change_key(settings: LazySettings, secret_key: str) -> None:
    default = replace(settings.STRIPE_ACCOUNTS["default"], secret_key=secret_key)
    settings.STRIPE_ACCOUNTS = settings.STRIPE_ACCOUNTS | {"default": default}


@pytest.fixture
def waiting(shopper: Client, mug: Item, stripe_side: SimulatedStripe) -> Order:
    return Order.objects.get(pk=buy(shopper, mug)["order_id"])


@pytest.fixture
def unanswered(shopper: Client, mug: Item, stripe_side: SimulatedStripe) -> Order:
    """Nobody knows whether its Session was opened."""
    stripe_side.order_fault("drop")
    assert shopper.get(f"/buy/{mug.pk}").status_code == 503
    return Order.objects.get()


class TestAnAccountThatIsGone:
    def test_leaves_its_orders_readable_in_the_shop_and_in_the_admin(
        self, shopper: Client, admin_client: Client, waiting: Order, settings: LazySettings
    ) -> None:
        remove_account(settings)
        assert shopper.get(f"/order/{waiting.pk}").status_code == 200
        assert shopper.get(f"/order/{waiting.pk}", headers={"accept": "application/json"}).json()["total"] == 1850
        assert shopper.get(f"/order/{waiting.pk}/status").json()["state"] == "pending"
        assert admin_client.get("/admin/orders/order/").status_code == 200
        assert admin_client.get(f"/admin/orders/order/{waiting.pk}/change/").context["timeline"]
        assert admin_client.get(f"/admin/billing/stripecall/{StripeCall.objects.get().pk}/change/").status_code == 200

    def test_is_counted_with_its_open_orders_and_calls(self, unanswered: Order, settings: LazySettings) -> None:
        assert unserved_accounts() == []
        remove_account(settings)
        assert unserved_accounts() == [("account.missing", "default", 1, 1)]

    def test_is_said_when_the_web_starts(
        self, unanswered: Order, settings: LazySettings, said: list[EventDict]
    ) -> None:
        remove_account(settings)
        sys.modules.pop("core.wsgi", None)
        importlib.import_module("core.wsgi")
        assert of_accounts(said) == [
            {"event": "account.missing", "account": "default", "open_orders": 1, "open_calls": 1}
        ]

    def test_is_said_when_a_worker_starts(
        self, waiting: Order, settings: LazySettings, said: list[EventDict], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def run(_arguments: dict[str, object]) -> None:
            """Instead of a worker that would run until it is told to end."""

        monkeypatch.setattr(cli, "execute_command", run)
        remove_account(settings)
        call_command("procrastinate", "defer", "core.checkpoint_log")
        assert of_accounts(said) == []
        call_command("procrastinate", "worker")
        assert of_accounts(said) == [
            {"event": "account.missing", "account": "default", "open_orders": 1, "open_calls": 0}
        ]

    def test_keeps_its_calls_open_and_says_so_once_a_run(
        self, unanswered: Order, settings: LazySettings, said: list[EventDict]
    ) -> None:
        kept = settings.STRIPE_ACCOUNTS
        remove_account(settings)
        before = Event.objects.count()
        assert sweep_open_calls(older_than=timedelta()) == 0
        assert Event.objects.count() == before
        assert of_accounts(said) == [{"event": "account.missing", "account": "default", "open_calls": 1}]
        settings.STRIPE_ACCOUNTS = kept
        assert sweep_open_calls(older_than=timedelta()) == 1

    def test_does_not_keep_other_orders_from_expiring(
        self, shopper: Client, waiting: Order, settings: LazySettings, said: list[EventDict]
    ) -> None:
        blanket = Item.objects.create(name="Blanket", price=14900, currency="eur")
        euro = buy(shopper, blanket)["order_id"]
        remove_account(settings)
        with freeze_time(timezone.now() + timedelta(hours=49)):
            assert cancel_stale_orders() == 1
        assert Order.objects.get(pk=euro).state == "canceled"
        assert Order.objects.get(pk=waiting.pk).state == "pending"
        assert of_accounts(said) == [{"event": "account.missing", "account": "default", "stale_orders": 1}]

    def test_does_not_keep_other_deliveries_from_being_tried_again(
        self,
        client: Client,
        shopper: Client,
        waiting: Order,
        stripe_side: SimulatedStripe,
        settings: LazySettings,
        said: list[EventDict],
    ) -> None:
        blanket = Item.objects.create(name="Blanket", price=14900, currency="eur")
        euro = buy(shopper, blanket)
        for url, account in ((waiting.checkouts.get().url, "default"), (euro["url"], "euro")):
            stripe_side.pay(url)
            event = stripe_side.event("payment_intent.succeeded", account)
            post_event(client, event | {"api_version": "2020-08-27"}, account)
        remove_account(settings)
        assert retry_deliveries() == 1
        assert Order.objects.get(pk=euro["order_id"]).state == "paid"
        assert Delivery.objects.get(account="default").state == DeliveryState.REFUSED
        assert of_accounts(said) == [{"event": "account.missing", "account": "default", "deliveries": 1}]

    def test_is_said_by_the_backfill_which_goes_on(
        self, waiting: Order, settings: LazySettings, said: list[EventDict]
    ) -> None:
        remove_account(settings)
        assert backfill_all() == {"euro": 0}
        assert len(of_accounts(said)) == 1

    def test_can_not_be_asked_to_cancel(self, waiting: Order, settings: LazySettings) -> None:
        remove_account(settings)
        with provenance.acting("staff:7"), pytest.raises(AccountNotConfigured):
            cancel_order(order_id=waiting.pk, reason="staff")
        assert Order.objects.get().state == "pending"


class TestAnAccountWithKeysOfTheOtherMode:
    def test_leaves_its_orders_readable(
        self, shopper: Client, admin_client: Client, waiting: Order, settings: LazySettings
    ) -> None:
        change_key(settings, LIVE)
        assert shopper.get(f"/order/{waiting.pk}").status_code == 200
        assert admin_client.get(f"/admin/orders/order/{waiting.pk}/change/").status_code == 200

    def test_is_counted_with_what_was_begun_in_the_mode_before(self, unanswered: Order, settings: LazySettings) -> None:
        change_key(settings, LIVE)
        assert unserved_accounts() == [("account.mode_changed", "default", 1, 1)]

    def test_is_not_sent_calls_of_the_mode_before(
        self, unanswered: Order, stripe_side: SimulatedStripe, settings: LazySettings, said: list[EventDict]
    ) -> None:
        sent = len(stripe_side.requests_of("POST", "/v1/checkout/sessions"))
        change_key(settings, LIVE)
        assert sweep_open_calls(older_than=timedelta()) == 0
        assert len(stripe_side.requests_of("POST", "/v1/checkout/sessions")) == sent
        assert of_accounts(said) == [{"event": "account.mode_changed", "account": "default", "open_calls": 1}]

    def test_is_not_asked_to_close_a_checkout_of_the_mode_before(
        self, waiting: Order, stripe_side: SimulatedStripe, settings: LazySettings
    ) -> None:
        change_key(settings, LIVE)
        with provenance.acting("staff:7"), pytest.raises(AccountNotConfigured):
            cancel_order(order_id=waiting.pk, reason="staff")
        assert not StripeCall.objects.filter(operation="checkout.sessions.expire").exists()
        assert Order.objects.get().state == "pending"

    def test_gives_no_money_of_the_mode_before_back(
        self,
        shopper: Client,
        admin_client: Client,
        waiting: Order,
        stripe_side: SimulatedStripe,
        settings: LazySettings,
    ) -> None:
        stripe_side.pay(waiting.checkouts.get().url)
        deliver_all(shopper, stripe_side)
        change_key(settings, LIVE)
        intent = waiting.payments.get(source="charge").payment_intent
        with provenance.acting("staff:7"), pytest.raises(AccountNotConfigured):
            refund_payment(order_id=waiting.pk, payment_intent=intent, amount=1, reason="duplicate")
        assert not Event.objects.filter(kind="order.refund_requested").exists()
        page = admin_client.get(f"/admin/orders/order/{waiting.pk}/change/")
        assert page.context["why_not"][0].startswith(
            "Nothing can be refunded: it is test money and account default has live keys"
        )

    def test_is_not_asked_for_objects_of_the_mode_before(
        self,
        client: Client,
        waiting: Order,
        stripe_side: SimulatedStripe,
        settings: LazySettings,
        said: list[EventDict],
    ) -> None:
        stripe_side.pay(waiting.checkouts.get().url)
        post_event(client, stripe_side.event("payment_intent.succeeded") | {"api_version": "2020-08-27"})
        change_key(settings, LIVE)
        assert retry_deliveries() == 0
        assert Delivery.objects.get().state == DeliveryState.REFUSED
        assert of_accounts(said) == [{"event": "account.mode_changed", "account": "default", "deliveries": 1}]


class TestAnAccountWithARotatedKey:
    def test_goes_on_as_before(
        self, shopper: Client, mug: Item, unanswered: Order, stripe_side: SimulatedStripe, settings: LazySettings
    ) -> None:
        """To the simulator another key is another account; at Stripe it is the same one."""
        change_key(settings, "sk_test_rotated")
        assert unserved_accounts() == []
        assert sweep_open_calls(older_than=timedelta()) == 1
        bought = buy(shopper, mug)
        assert bought["order_id"] == unanswered.pk
        stripe_side.pay(bought["url"])
        [session] = stripe_side._control("GET", "/_sim/state?key=sk_test_rotated")["objects"]["checkout.session"]
        event = {
            "id": "evt_1",
            "type": "checkout.session.completed",
            "livemode": False,
            "api_version": "2026-08-26.dahlia",
            "data": {"object": session},
        }
        assert post_event(shopper, event).status_code == 200
        assert Order.objects.get().state == "paid"


def test_a_process_starts_while_its_database_is_away() -> None:
    environment = TEST_ENVIRONMENT | {
        "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
        "DJANGO_SETTINGS_MODULE": "tests.settings",
    }
    done = subprocess.run(
        [sys.executable, "-c", "import core.wsgi"],
        cwd=ROOT,
        env=environment,
        check=False,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, "Traceback" in done.stderr) == (0, False)
    assert "startup.unchecked" in done.stderr


class TestAShopperWhoComesBack:
    def test_is_not_sent_to_a_payment_that_nobody_would_hear_of(
        self, shopper: Client, waiting: Order, mug: Item, settings: LazySettings
    ) -> None:
        remove_account(settings)
        for answer in (shopper.get(f"/buy/{mug.pk}"), shopper.post(f"/order/{waiting.pk}/checkout")):
            assert (answer.status_code, answer.json()["error"]["code"]) == (409, "account_not_configured")

    def test_has_no_call_of_the_one_mode_sent_with_keys_of_the_other(
        self, shopper: Client, unanswered: Order, mug: Item, settings: LazySettings
    ) -> None:
        change_key(settings, LIVE)
        assert shopper.get(f"/buy/{mug.pk}").status_code == 409
        assert StripeCall.objects.get().attempts == 1


class TestABasket:
    """Begun at an account that is gone by now, or has keys of the other mode."""

    @pytest.fixture
    def filled(self, shopper: Client, mug: Item, stripe_side: SimulatedStripe) -> Client:
        with provenance.acting("staff:1"):
            Discount.objects.create(name="Spring sale", code="SPRING15", percent_off="15")
        shopper.post("/basket/items", {"item": mug.pk, "quantity": 2}, content_type="application/json")
        shopper.post("/basket/discount", {"code": "SPRING15"}, content_type="application/json")
        return shopper

    def test_is_paid_at_the_account_that_takes_its_currency_now(
        self, filled: Client, settings: LazySettings, stripe_side: SimulatedStripe
    ) -> None:
        remove_account(settings)
        settings.STRIPE_ACCOUNTS = {"euro": replace(settings.STRIPE_ACCOUNTS["euro"], currencies=frozenset({"*"}))}
        said = filled.get("/basket").json()
        assert filled.post("/basket/checkout").status_code == 200
        [session] = stripe_side.objects("checkout.session", "euro")
        assert session["amount_total"] == said["total"] == 3145
        assert sorted(Order.objects.values_list("account", "state")) == [("default", "canceled"), ("euro", "pending")]
        assert list(check_rows()) == []

    @pytest.mark.parametrize("quantity", [1, 3])
    def test_goes_on_with_keys_of_the_other_mode(
        self, filled: Client, mug: Item, settings: LazySettings, quantity: int
    ) -> None:
        change_key(settings, LIVE)
        fields = {"item": mug.pk, "quantity": quantity}
        assert filled.post("/basket/items", fields, content_type="application/json").status_code == 200
        assert filled.post("/basket/checkout", {"pay": "here"}).status_code == 200
        assert Order.objects.get(state="pending").livemode

    def test_can_be_emptied_when_nobody_takes_its_currency(
        self, filled: Client, mug: Item, settings: LazySettings
    ) -> None:
        remove_account(settings)
        assert filled.post("/basket/checkout").json()["error"]["code"] == "currency_not_served"
        fields = {"item": mug.pk, "quantity": 0}
        assert filled.post("/basket/items", fields, content_type="application/json").json()["lines"] == []
