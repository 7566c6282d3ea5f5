"""The API of webhook endpoints, and that it decides what is delivered."""

from pathlib import Path

import pytest
import requests

from simulator.contract import Contract
from simulator.tests.running import Receiver, RunningSimulator, Shop, wait_until

KEY = "sk_test_endpoints"
PAID = ["charge.succeeded", "checkout.session.completed", "payment_intent.created", "payment_intent.succeeded"]


class TestTheApi:
    def test_a_new_one_shows_its_secret_once(self, shop: Shop) -> None:
        made = shop.request(
            "POST",
            "/v1/webhook_endpoints",
            data={"url": "http://shop.test/hooks", "enabled_events[]": "charge.succeeded", "metadata[a]": "1"},
        ).json()
        assert made["secret"].startswith("whsec_")
        assert (made["status"], made["enabled_events"], made["metadata"]) == (
            "enabled",
            ["charge.succeeded"],
            {"a": "1"},
        )
        assert (made["api_version"], made["livemode"]) == (Contract.load().version, False)
        kept = shop.request("GET", f"/v1/webhook_endpoints/{made['id']}").json()
        assert kept == {name: value for name, value in made.items() if name != "secret"}
        assert shop.request("GET", "/v1/webhook_endpoints").json()["data"] == [kept]

    def test_events_url_and_whether_it_is_enabled_change(self, shop: Shop, receiver: Receiver) -> None:
        [endpoint] = shop.stripe.v1.webhook_endpoints.list().data
        assert (endpoint.url, endpoint.enabled_events, endpoint.status) == (receiver.url, ["*"], "enabled")
        changed = shop.stripe.v1.webhook_endpoints.update(
            endpoint.id, {"enabled_events": ["coupon.created"], "disabled": True, "url": "http://shop.test/new"}
        )
        assert (changed.url, changed.enabled_events, changed.status) == (
            "http://shop.test/new",
            ["coupon.created"],
            "disabled",
        )
        assert shop.stripe.v1.webhook_endpoints.update(endpoint.id, {"disabled": False}).status == "enabled"

    @pytest.mark.parametrize(
        ("fields", "param"),
        [
            ({"url": "shop.test", "enabled_events[]": "*"}, "url"),
            ({"url": "http://shop.test", "enabled_events[]": "charge.invented"}, "enabled_events[0]"),
            ({"url": "http://shop.test"}, "enabled_events"),
        ],
    )
    def test_what_stripe_refuses_is_refused(self, shop: Shop, fields: dict[str, str], param: str) -> None:
        error = shop.request("POST", "/v1/webhook_endpoints", data=fields).json()["error"]
        assert error["param"] == param

    def test_a_deleted_one_is_gone(self, shop: Shop, receiver: Receiver) -> None:
        [endpoint] = shop.stripe.v1.webhook_endpoints.list().data
        assert shop.stripe.v1.webhook_endpoints.delete(endpoint.id).deleted
        assert shop.request("GET", f"/v1/webhook_endpoints/{endpoint.id}").status_code == 404
        shop.pay(shop.open_session())
        assert [event.pending_webhooks for event in shop.stripe.v1.events.list().data] == [0] * 4


class TestDelivering:
    def test_only_wanted_events_are_delivered(self, shop: Shop, receiver: Receiver) -> None:
        [endpoint] = shop.stripe.v1.webhook_endpoints.list().data
        shop.stripe.v1.webhook_endpoints.update(endpoint.id, {"enabled_events": ["charge.succeeded"]})
        shop.simulator.order_fault("webhook_drop", "checkout.session.completed")
        shop.pay(shop.open_session())
        wait_until(lambda: receiver.types() == ["charge.succeeded"])
        pending = {str(event.type): event.pending_webhooks for event in shop.stripe.v1.events.list().data}
        assert [pending[kind] for kind in PAID[1:]] == [0, 0, 0]
        assert [fault["used"] for fault in shop.simulator.control("GET", "faults")["faults"]] == [0]

    def test_a_disabled_endpoint_gets_nothing_until_it_is_enabled(self, shop: Shop, receiver: Receiver) -> None:
        [endpoint] = shop.stripe.v1.webhook_endpoints.list().data
        shop.stripe.v1.webhook_endpoints.update(endpoint.id, {"disabled": True})
        shop.pay(shop.open_session())
        shop.stripe.v1.webhook_endpoints.update(endpoint.id, {"disabled": False})
        shop.stripe.v1.coupons.create({"percent_off": 10})
        wait_until(lambda: receiver.types() == ["coupon.created"])

    def test_one_made_by_the_api_is_signed_with_its_secret(self, shop: Shop) -> None:
        with Receiver() as receiver:
            endpoint = shop.stripe.v1.webhook_endpoints.create({"url": receiver.url, "enabled_events": ["*"]})
            assert endpoint.secret
            receiver.secret = endpoint.secret
            shop.pay(shop.open_session())
            wait_until(lambda: sorted(receiver.types()) == PAID)

    def test_one_of_another_version_gets_events_of_it(self, shop: Shop) -> None:
        with Receiver() as receiver:
            endpoint = shop.stripe.v1.webhook_endpoints.create(
                {"url": receiver.url, "enabled_events": ["coupon.created"], "api_version": "2020-08-27"}
            )
            assert (endpoint.api_version, bool(endpoint.secret)) == ("2020-08-27", True)
            receiver.secret = str(endpoint.secret)
            shop.stripe.v1.coupons.create({"percent_off": 10})
            wait_until(lambda: [event.api_version for event, _, _ in receiver.received] == ["2020-08-27"])


class TestTheCommandLine:
    def test_its_endpoints_are_listed_and_what_the_api_changed_outlives_a_restart(self, tmp_path: Path) -> None:
        state = ("--state", str(tmp_path / "state"))
        both = ("--webhook", KEY, "http://shop.test/1", "whsec_1", "--webhook", KEY, "http://shop.test/2", "whsec_2")
        with RunningSimulator(*state, *both) as running:
            shop = Shop(running, KEY)
            second, first = shop.stripe.v1.webhook_endpoints.list().data
            assert (first.url, second.url) == ("http://shop.test/1", "http://shop.test/2")
            shop.stripe.v1.webhook_endpoints.update(first.id, {"enabled_events": ["charge.succeeded"]})
            shop.close()
        with RunningSimulator(*state, "--webhook", KEY, "http://shop.test/3", "whsec_3") as running:
            shop = Shop(running, KEY)
            [only] = shop.stripe.v1.webhook_endpoints.list().data
            assert (only.id, only.url, only.enabled_events) == (first.id, "http://shop.test/3", ["charge.succeeded"])
            shop.close()

    def test_they_and_what_it_said_of_accounts_are_there_again_after_forgetting(self) -> None:
        told = ("--account", KEY, "default_currency=eur", "publishable_key=pk_test_mine")
        with RunningSimulator("--webhook", KEY, "http://shop.test/1", "whsec_1", *told) as running:
            shop = Shop(running, KEY)
            shop.stripe.v1.webhook_endpoints.update(
                shop.stripe.v1.webhook_endpoints.list().data[0].id, {"disabled": True}
            )
            for path in ("state", f"state?key={KEY}"):
                running.control("DELETE", path)
                assert [known.status for known in shop.stripe.v1.webhook_endpoints.list().data] == ["enabled"]
                assert shop.request("GET", "/v1/account").json()["default_currency"] == "eur"
            shop.close()

    @pytest.mark.parametrize(
        ("arguments", "status"),
        [([KEY, "colour=red"], 1), ([KEY, "country=Germany"], 1), ([KEY], 2), (["pk", "a=b"], 2)],
    )
    def test_an_account_that_makes_no_sense_is_said(self, arguments: list[str], status: int) -> None:
        answer, errors = RunningSimulator("--account", *arguments).stop()
        assert (answer, "--account" in errors) == (status, True)
        assert KEY not in errors


class TestAccounts:
    def test_what_is_told_of_one_is_what_it_says(self, shop: Shop) -> None:
        before = shop.request("GET", "/v1/account").json()
        assert (before["default_currency"], before["country"]) == ("usd", "US")
        shop.simulator.control("POST", "accounts", key=shop.key, default_currency="eur", country="DE")
        after = shop.request("GET", "/v1/account").json()
        assert (after["default_currency"], after["country"]) == ("eur", "DE")

    @pytest.mark.parametrize(
        "body", [{"default_currency": "EUR"}, {"publishable_key": "sk_test_1"}, {"colour": "red"}, {"key": "pk_test_1"}]
    )
    def test_nonsense_is_refused(self, shop: Shop, body: dict[str, str]) -> None:
        answer = requests.post(f"{shop.simulator.url}/_sim/accounts", json={"key": shop.key} | body, timeout=5)
        assert (answer.status_code, "error" in answer.json()) == (400, True)
