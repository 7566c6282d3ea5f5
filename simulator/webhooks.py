"""Delivers events to webhook endpoints: signed, concurrent, retried.

Source: docs.stripe.com/webhooks (signatures, retries). Stripe retries for three days; here ten attempts take about four
minutes. An endpoint of another API version gets events that say so, their objects are those of the contract all the
same. Signatures carry real time, whatever the simulator's clock says, since receivers compare it with their own.
"""

import asyncio
import hashlib
import hmac
import time
from collections.abc import Coroutine
from typing import Any

import aiohttp

from simulator.endpoints import Endpoint, enabled_endpoints, endpoints_for
from simulator.faults import Faults
from simulator.state import Account, Json, Store
from simulator.wire import CONTENT_TYPE, render_json

PAUSES = (0.5, 1, 2, 4, 8, 16, 32, 60, 120)  # seconds between the ten attempts
ATTEMPT_TIMEOUT = aiohttp.ClientTimeout(total=20)
CONNECTIONS_PER_HOST = 16
SUCCESS = range(200, 300)


def sign(payload: bytes, secret: str, timestamp: int) -> str:
    """The `Stripe-Signature` header (docs.stripe.com/webhooks#verify-manually)."""
    signature = hmac.new(secret.encode(), f"{timestamp}.".encode() + payload, hashlib.sha256).hexdigest()
    return f"t={timestamp},v1={signature}"


class Postman:
    """The deliveries under way."""

    def __init__(self, store: Store, faults: Faults) -> None:
        self._store, self._faults = store, faults
        self._held: list[tuple[Account, Json]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._http: aiohttp.ClientSession | None = None

    def post(self, account: Account, event: Json) -> None:
        """Start delivering an event to every endpoint that wants it, or do with it what a fault orders."""
        endpoints = endpoints_for(account, event["type"])
        fault = self._faults.take_for_event(event["type"], account.id) if endpoints else None
        kind, seconds = (fault.fault, fault.seconds) if fault else ("", 0)
        for endpoint in endpoints:
            delivery = self._record(account, event, endpoint, kind)
            if kind == "webhook_drop":
                delivery["state"] = "dropped"
            elif kind == "webhook_reorder":
                self._hold(account, delivery, seconds or 1)
            else:
                self._spawn(self._deliver(account, delivery, after=(seconds or 1) if kind == "webhook_delay" else 0))
            if kind == "webhook_duplicate":
                self._spawn(self._deliver(account, self._record(account, event, endpoint, kind)))

    async def start(self) -> None:
        """Open the connections and go on with what a restart interrupted."""
        connector = aiohttp.TCPConnector(limit_per_host=CONNECTIONS_PER_HOST)
        self._http = aiohttp.ClientSession(connector=connector, timeout=ATTEMPT_TIMEOUT)
        for account in self._store.accounts.values():
            for delivery in account.records("_delivery").values():
                if delivery["state"] == "pending":
                    self._spawn(self._deliver(account, delivery))

    async def stop(self) -> None:
        await self.forget()
        if self._http:
            await self._http.close()

    async def forget(self) -> None:
        """Give up every delivery under way."""
        tasks = list(self._tasks)
        self._held.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _record(self, account: Account, event: Json, endpoint: Endpoint, fault: str) -> Json:
        name = f"{event['id']}.{endpoint.id}"
        if duplicate := account.find("_delivery", name) is not None:
            name += ".again"
        delivery = {
            "id": name,
            "event": event["id"],
            "type": event["type"],
            "endpoint": endpoint.id,
            "fault": fault or None,
            "duplicate": duplicate,
            "state": "pending",
            "attempts": [],
        }
        return account.note("_delivery", name, delivery)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _hold(self, account: Account, delivery: Json, seconds: float) -> None:
        self._held.append((account, delivery))
        if len(self._held) == 1:
            self._spawn(self._release_held(seconds))

    async def _release_held(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        held, self._held = self._held, []
        for account, delivery in reversed(held):
            await self._attempt(account, delivery)
            self._spawn(self._deliver(account, delivery))

    async def _deliver(self, account: Account, delivery: Json, after: float = 0) -> None:
        """Attempt until delivered or given up; a delivery that a restart interrupted starts where it was."""
        await asyncio.sleep(after)
        while delivery["state"] == "pending" and account.find("_delivery", delivery["id"]) is delivery:
            tried = len(delivery["attempts"])
            if tried > len(PAUSES):
                delivery["state"] = "failed"
            else:
                await asyncio.sleep(PAUSES[tried - 1] if tried else 0)
                await self._attempt(account, delivery)
            account.note("_delivery", delivery["id"], delivery)
            self._store.flush()

    async def _attempt(self, account: Account, delivery: Json) -> None:
        event = account.find("event", delivery["event"])
        endpoint = enabled_endpoints(account).get(delivery["endpoint"])
        if event is None or endpoint is None:
            delivery["state"] = "failed"
            return
        status, error = await self._send(endpoint, render_json(event | {"api_version": endpoint.api_version}))
        attempt = {"at": time.time(), "url": endpoint.url, "status": status, "error": error}
        delivery["attempts"].append(attempt)
        if status in SUCCESS:
            delivery["state"] = "delivered"
            if not delivery["duplicate"]:
                event["pending_webhooks"] -= 1
                account.put(event)

    async def _send(self, endpoint: Endpoint, payload: bytes) -> tuple[int | None, str | None]:
        """One attempt: the status answered, or what went wrong. A redirect is a failure, as at Stripe."""
        assert self._http, "the postman was not started"  # noqa: S101
        headers = {
            "Content-Type": CONTENT_TYPE,
            "Stripe-Signature": sign(payload, endpoint.secret, int(time.time())),
            "User-Agent": "Stripe/1.0 (simulated; +https://docs.stripe.com/webhooks)",
        }
        try:
            post = self._http.post(endpoint.url, data=payload, headers=headers, allow_redirects=False)
            async with post as response:
                await response.read()
                return response.status, None
        except (aiohttp.ClientError, TimeoutError) as error:
            return None, f"{type(error).__name__}: {error}"
