"""The simulator as a process: starting, stopping, remembering."""

import threading
import time
from pathlib import Path

import pytest
import requests

from simulator.tests.running import Receiver, RunningSimulator, Shop, wait_until

KEY = "sk_test_process"


def test_it_answers_under_localhost_and_says_where(simulator: RunningSimulator) -> None:
    assert simulator.first_line.startswith("simulator: http://localhost:")
    port = simulator.url.rpartition(":")[2]
    assert requests.get(f"http://127.0.0.1:{port}/_sim/faults", timeout=5).ok


def test_a_taken_port_is_said_in_one_line(simulator: RunningSimulator) -> None:
    port = simulator.url.rpartition(":")[2]
    status, errors = RunningSimulator("--port", port).stop()
    assert status == 1
    assert errors.splitlines() == [
        f"simulator: cannot listen on port {port} (Address already in use); choose another with --port"
    ]


def test_it_stops_at_once_while_requests_and_deliveries_hang() -> None:
    running = RunningSimulator("--webhook", KEY, "http://127.0.0.1:9/", "whsec_1")
    shop = Shop(running, KEY)
    running.order_fault("timeout_before", "GET /v1/account")
    shop.stripe.v1.checkout.sessions.expire(shop.open_session().id)

    def ask_in_vain() -> None:
        with pytest.raises(requests.ConnectionError):
            shop.request("GET", "/v1/account")

    hanging = threading.Thread(target=ask_in_vain)
    hanging.start()
    wait_until(lambda: any(entry["fault"] for entry in running.control("GET", "requests")["requests"]))
    began = time.monotonic()
    assert running.stop() == (0, "")
    assert time.monotonic() - began < 1.5
    hanging.join()
    shop.close()


class TestState:
    def test_a_restart_keeps_everything(self, tmp_path: Path) -> None:
        state = str(tmp_path / "stripe state.sqlite")
        with RunningSimulator("--state", state) as running:
            shop = Shop(running, KEY)
            sessions = [shop.open_session() for _ in range(3)]
            shop.pay(sessions[0], card_number="4000000000000002")
            first = shop.stripe.v1.checkout.sessions.expire(sessions[2].id, options={"idempotency_key": "k"})
            running.control("POST", "advance", seconds=3600)
            before = requests.get(f"{running.url}/_sim/state", {"key": KEY}, timeout=5).json()
            shop.close()
        with RunningSimulator("--state", state) as running:
            shop = Shop(running, KEY)
            assert requests.get(f"{running.url}/_sim/state", {"key": KEY}, timeout=5).json() == before
            again = shop.stripe.v1.checkout.sessions.expire(sessions[2].id, options={"idempotency_key": "k"})
            assert again.to_dict() == first.to_dict()
            assert [found.id for found in shop.stripe.v1.checkout.sessions.list().data] == [
                session.id for session in reversed(sessions)
            ]
            assert running.control("POST", "advance", seconds=0)["now"] >= int(time.time()) + 3600
            running.control("POST", "advance", seconds=24 * 60 * 60)
            assert shop.stripe.v1.checkout.sessions.retrieve(sessions[1].id).status == "expired"
            shop.close()

    def test_a_kill_loses_nothing_that_was_answered_and_deliveries_go_on(self, tmp_path: Path) -> None:
        arguments = ("--state", str(tmp_path / "state"), "--webhook", KEY)
        with RunningSimulator(*arguments, "http://127.0.0.1:9/", "whsec_test") as running:
            shop = Shop(running, KEY)
            session = shop.open_session()
            shop.stripe.v1.checkout.sessions.expire(session.id)
            running.process.kill()
            shop.close()
        with Receiver() as receiver, RunningSimulator(*arguments, receiver.url, "whsec_test") as running:
            shop = Shop(running, KEY)
            assert shop.stripe.v1.checkout.sessions.retrieve(session.id).status == "expired"
            wait_until(lambda: receiver.types() == ["checkout.session.expired"])
            shop.close()

    def test_it_can_be_told_to_forget(self, tmp_path: Path) -> None:
        with RunningSimulator("--state", str(tmp_path / "state")) as running:
            shop = Shop(running, KEY)
            shop.open_session()
            running.control("POST", "advance", seconds=3600)
            running.control("DELETE", "state")
            assert shop.stripe.v1.checkout.sessions.list().data == []
            assert running.control("POST", "advance", seconds=0)["now"] <= time.time()
            shop.close()

    def test_a_state_file_that_is_none_is_said_in_one_line(self, tmp_path: Path) -> None:
        broken = tmp_path / "state"
        broken.write_text("this is no database, and long enough to look at" * 20)
        status, errors = RunningSimulator("--state", str(broken)).stop()
        assert status == 1
        assert errors.startswith(f"simulator: cannot open the state file {broken}")
        assert len(errors.splitlines()) == 1


def test_a_webhook_without_a_secret_is_refused() -> None:
    status, errors = RunningSimulator("--webhook", KEY, "http://127.0.0.1:9/", "").stop()
    assert status == 2
    assert "--webhook" in errors
    assert KEY not in errors
