"""What every request goes through: key, version, idempotency, faults."""

import base64
import threading
import time
import uuid
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
import requests
import stripe

from simulator.tests.running import Shop, encode_form, session_params, wait_until

CREATE = "POST /v1/checkout/sessions"


def create(shop: Shop, key: str, *, timeout: float = 3, **params: Any) -> requests.Response:
    headers = {"Idempotency-Key": key}
    form = encode_form(session_params(**params))
    return shop.request("POST", "/v1/checkout/sessions", data=form, headers=headers, timeout=timeout)


def count_sessions(shop: Shop) -> int:
    state = requests.get(f"{shop.simulator.url}/_sim/state", {"key": shop.key}, timeout=5).json()
    return int(state["counts"].get("checkout.session", 0))


@pytest.fixture
def key() -> str:
    return uuid.uuid4().hex


class TestAuthentication:
    def test_basic_authentication_with_the_key_as_user_works(self, shop: Shop) -> None:
        basic = "Basic " + base64.b64encode(f"{shop.key}:".encode()).decode()
        assert shop.request("GET", "/v1/account", headers={"Authorization": basic}).ok

    @pytest.mark.parametrize("header", ["", "Bearer pk_test_1", "Bearer sk_test_", "Basic !!!", "Bearer secret"])
    def test_anything_else_is_401(self, shop: Shop, header: str) -> None:
        response = shop.request("GET", "/v1/account", headers={"Authorization": header})
        assert (response.status_code, response.json()["error"]["type"]) == (401, "invalid_request_error")

    def test_another_version_is_refused(self, shop: Shop) -> None:
        response = shop.request("GET", "/v1/account", headers={"Stripe-Version": "2020-08-27"})
        assert (response.status_code, "2020-08-27" in response.text) == (400, True)

    def test_every_answer_names_itself(self, shop: Shop) -> None:
        for path in ("/v1/account", "/v1/nowhere", "/v1/payouts"):
            headers = shop.request("GET", path).headers
            assert headers["Request-Id"].startswith("req_")
            assert headers["Stripe-Version"] == "2026-08-26.dahlia"

    def test_its_date_is_the_simulators_clock(self, shop: Shop) -> None:
        shop.simulator.control("POST", "advance", seconds=3600)
        headers = shop.request("GET", "/v1/account").headers
        now = shop.simulator.control("POST", "advance", seconds=0)["now"]
        assert abs(parsedate_to_datetime(headers["Date"]).timestamp() - now) <= 1

    def test_what_is_missing_here_differs_from_what_stripe_lacks(self, shop: Shop) -> None:
        assert shop.request("GET", "/v1/products").status_code == 501
        assert shop.request("GET", "/v1/nowhere").status_code == 404


class TestIdempotency:
    def test_the_first_answer_is_replayed(self, shop: Shop, key: str) -> None:
        first, second = create(shop, key), create(shop, key)
        assert first.json() == second.json()
        assert "Idempotent-Replayed" not in first.headers
        assert second.headers["Idempotent-Replayed"] == "true"
        assert second.headers["Original-Request"] == first.headers["Request-Id"]
        assert count_sessions(shop) == 1

    def test_other_parameters_or_another_endpoint_are_refused(self, shop: Shop, key: str) -> None:
        session = create(shop, key).json()["id"]
        other = create(shop, key, amount=3000)
        assert (other.status_code, other.json()["error"]["type"]) == (400, "idempotency_error")
        with pytest.raises(stripe.IdempotencyError):
            shop.stripe.v1.checkout.sessions.expire(session, options={"idempotency_key": key})

    def test_invalid_parameters_are_not_remembered(self, shop: Shop, key: str) -> None:
        assert create(shop, key, amount=1).status_code == 400
        assert create(shop, key, colour="red").status_code == 400
        assert create(shop, key).ok

    def test_a_refusal_of_the_running_endpoint_is_remembered(self, shop: Shop, key: str) -> None:
        session = shop.open_session()
        shop.pay(session)
        path = f"/v1/checkout/sessions/{session.id}/expire"
        answers = [shop.request("POST", path, headers={"Idempotency-Key": key}) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [400, 400]
        assert "Idempotent-Replayed" in answers[1].headers

    def test_keys_are_forgotten_after_a_day(self, shop: Shop, key: str) -> None:
        create(shop, key)
        shop.simulator.control("POST", "advance", seconds=24 * 60 * 60)
        assert "Idempotent-Replayed" not in create(shop, key).headers
        assert count_sessions(shop) == 2

    def test_keys_belong_to_one_account_and_to_posts(self, shop: Shop, key: str) -> None:
        create(shop, key)
        other = Shop(shop.simulator, shop.key + "_other")
        assert "Idempotent-Replayed" not in create(other, key).headers
        other.close()
        assert shop.request("GET", "/v1/account", headers={"Idempotency-Key": key}).ok

    def test_a_key_of_256_characters_is_too_long(self, shop: Shop) -> None:
        assert create(shop, "k" * 256).status_code == 400


class TestFaults:
    def test_http_500_is_remembered_by_its_key_and_nothing_was_done(self, shop: Shop, key: str) -> None:
        shop.simulator.order_fault("http_500", CREATE)
        answers = [create(shop, key) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [500, 500]
        assert "Idempotent-Replayed" in answers[1].headers
        assert count_sessions(shop) == 0

    def test_http_429_is_forgotten(self, shop: Shop, key: str) -> None:
        shop.simulator.order_fault("http_429", CREATE)
        with pytest.raises(stripe.RateLimitError):
            shop.open_session()
        assert create(shop, key).ok

    def test_drop_does_nothing_and_says_nothing(self, shop: Shop) -> None:
        shop.simulator.order_fault("drop", CREATE)
        with pytest.raises(stripe.APIConnectionError):
            shop.open_session()
        assert count_sessions(shop) == 0

    def test_timeout_before_does_nothing_and_hangs(self, shop: Shop, key: str) -> None:
        shop.simulator.order_fault("timeout_before", CREATE, seconds=0.3)
        began = time.monotonic()
        with pytest.raises(requests.ConnectionError):
            create(shop, key)
        assert time.monotonic() - began >= 0.3
        assert count_sessions(shop) == 0

    def test_timeout_after_has_done_it_and_the_key_knows(self, shop: Shop, key: str) -> None:
        shop.simulator.order_fault("timeout_after", CREATE, seconds=0.1)
        with pytest.raises(requests.ConnectionError):
            create(shop, key)
        again = create(shop, key)
        assert (again.status_code, again.headers["Idempotent-Replayed"]) == (200, "true")
        assert count_sessions(shop) == 1

    def test_delay_keeps_the_key_in_use_until_it_answers(self, shop: Shop, key: str) -> None:
        shop.simulator.order_fault("delay", CREATE, seconds=0.5)
        answers: list[requests.Response] = []
        slow = threading.Thread(target=lambda: answers.append(create(shop, key)))
        slow.start()
        wait_until(lambda: count_sessions(shop) == 1)
        meanwhile = create(shop, key)
        assert (meanwhile.status_code, meanwhile.json()["error"]["code"]) == (409, "idempotency_key_in_use")
        slow.join()
        assert answers[0].json() == create(shop, key).json()
        assert count_sessions(shop) == 1

    def test_a_request_is_finished_though_its_client_has_gone(self, shop: Shop, key: str) -> None:
        shop.simulator.order_fault("delay", CREATE, seconds=0.4)
        with pytest.raises(requests.Timeout):
            create(shop, key, timeout=0.2)
        wait_until(lambda: create(shop, key).status_code == 200)
        assert count_sessions(shop) == 1

    def test_a_fault_hits_only_what_it_matches_and_as_often_as_it_says(self, shop: Shop) -> None:
        shop.simulator.order_fault("http_429", "GET /v1/checkout/sessions/*", times=2)
        session = shop.open_session()
        path = f"/v1/checkout/sessions/{session.id}"
        statuses = [shop.request("GET", path).status_code for _ in range(3)]
        assert statuses == [429, 429, 200]
        assert shop.simulator.control("GET", "faults") == {"faults": []}

    def test_a_fault_with_a_key_hits_its_account_only(self, shop: Shop) -> None:
        other = Shop(shop.simulator, shop.key + "_other")
        shop.simulator.control("POST", "faults", fault="http_429", key=shop.key)
        assert [account.request("GET", "/v1/account").status_code for account in (other, shop)] == [200, 429]
        shop.simulator.control("POST", "faults", fault="http_429", key=shop.key)
        shop.simulator.control("POST", "faults", fault="http_429", key=other.key)
        shop.simulator.control("DELETE", f"faults?key={shop.key}")
        assert [account.request("GET", "/v1/account").status_code for account in (other, shop)] == [429, 200]
        other.close()

    def test_times_0_stays_until_it_is_cleared(self, shop: Shop) -> None:
        shop.simulator.order_fault("http_429", times=0)
        assert [shop.request("GET", "/v1/account").status_code for _ in range(3)] == [429] * 3
        [fault] = shop.simulator.control("GET", "faults")["faults"]
        assert (fault["fault"], fault["used"]) == ("http_429", 3)
        shop.simulator.control("DELETE", "faults")
        assert shop.request("GET", "/v1/account").ok


class TestControl:
    @pytest.mark.parametrize(
        ("path", "body"),
        [
            ("faults", "not json"),
            ("faults", "[]"),
            ("faults", '{"fault": "earthquake"}'),
            ("faults", '{"fault": "drop", "match": "/v1/refunds"}'),
            ("faults", '{"fault": "drop", "times": -1}'),
            ("faults", '{"fault": "drop", "seconds": "long"}'),
            ("faults", '{"fault": "drop", "colour": "red"}'),
            ("faults", '{"fault": "drop", "key": "pk_test_1"}'),
            ("advance", '{"seconds": -1}'),
            ("advance", '{"seconds": true}'),
            ("webhooks", '{"key": "pk_test_1", "url": "http://x", "secret": "whsec_1"}'),
            ("webhooks", '{"key": "sk_test_1", "url": "http://x", "secret": ""}'),
        ],
    )
    def test_nonsense_is_refused_with_a_reason(self, shop: Shop, path: str, body: str) -> None:
        response = requests.post(f"{shop.simulator.url}/_sim/{path}", data=body, timeout=5)
        assert response.status_code == 400
        assert response.json()["error"]

    def test_one_account_can_be_forgotten(self, shop: Shop) -> None:
        other = Shop(shop.simulator, shop.key + "_other")
        for account in (shop, other):
            account.open_session()
        shop.simulator.control("DELETE", f"state?key={shop.key}")
        assert (count_sessions(shop), count_sessions(other)) == (0, 1)
        other.close()

    def test_nobody_is_forgotten_by_a_misspelled_key(self, shop: Shop) -> None:
        shop.open_session()
        assert requests.delete(f"{shop.simulator.url}/_sim/state?key=oops", timeout=5).status_code == 400
        assert requests.delete(f"{shop.simulator.url}/_sim/state?kye={shop.key}", timeout=5).status_code == 400
        assert count_sessions(shop) == 1

    def test_requests_are_logged_with_their_fate(self, shop: Shop, key: str) -> None:
        shop.simulator.order_fault("timeout_after", CREATE, seconds=0.01)
        with pytest.raises(requests.ConnectionError):
            create(shop, key)
        create(shop, key)
        logged = [
            entry for entry in shop.simulator.control("GET", "requests")["requests"] if entry["idempotency_key"] == key
        ]
        assert [(entry["status"], entry["fault"], entry["replayed"]) for entry in logged] == [
            (200, "timeout_after", False),
            (200, None, True),
        ]
        assert logged[0]["method"] + " " + logged[0]["path"] == CREATE
