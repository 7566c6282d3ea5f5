"""Accounts as they are at Stripe, changed in its dashboard, and the doctor looking at them."""

import json
from datetime import timedelta
from io import StringIO
from typing import Any

import requests
from django.core.management import call_command
from django.test import Client
from django.utils import timezone
from freezegun import freeze_time

from orders.models import Item
from orders.tests.shopping import buy
from tests.simulated import ACCOUNT_KEYS, TIMEOUT, SimulatedStripe

SHOP = "https://shop.test"
PROBES = ["key", "clock", "livemode", "currency", "webhook", "events", "mirrors"]

type Bill = dict[str, list[tuple[str, str, str]]]


def settle_in(side: SimulatedStripe, account: str, currency: str) -> None:
    told = {"key": ACCOUNT_KEYS[account], "default_currency": currency}
    requests.post(f"{side.base}/_sim/accounts", json=told, timeout=TIMEOUT).raise_for_status()


def open_endpoint(side: SimulatedStripe, account: str, *types: str, **fields: str) -> str:
    """Its id; for all types of events unless they are named."""
    events = {f"enabled_events[{place}]": name for place, name in enumerate(types or ["*"])}
    fields = {"url": f"{SHOP}/webhooks/stripe/{account}/"} | fields
    return str(side.in_dashboard("POST", "/v1/webhook_endpoints", account, **events, **fields)["id"])


def endpoint_of(side: SimulatedStripe, account: str = "default") -> str:
    return str(side.objects("webhook_endpoint", account)[0]["id"])


def change_endpoint(side: SimulatedStripe, **fields: str) -> None:
    side.in_dashboard("POST", f"/v1/webhook_endpoints/{endpoint_of(side)}", **fields)


def replace_endpoint(side: SimulatedStripe, *types: str, **fields: str) -> str:
    side.in_dashboard("DELETE", f"/v1/webhook_endpoints/{endpoint_of(side)}")
    return open_endpoint(side, "default", *types, **fields)


def run(*arguments: str) -> tuple[int, str]:
    """The exit code, and what is on stdout."""
    out = StringIO()
    try:
        call_command("doctor", *arguments, stdout=out, stderr=StringIO())
    except SystemExit as ended:
        return int(str(ended.code)), out.getvalue()
    return 0, out.getvalue()


def examine(*arguments: str, account: str = "default") -> tuple[int, Bill]:
    """The exit code, and by probe what was found at one account: verdict, what was seen, what to do."""
    code, out = run("--json", *arguments)
    findings = [json.loads(line) for line in out.splitlines()]
    bill: Bill = {probe: [] for probe in PROBES}
    for finding in findings:
        if finding["account"] == account:
            bill[finding["probe"]].append((finding["verdict"], finding["seen"], finding["to_do"]))
    return code, bill


def verdicts(bill: Bill) -> dict[str, list[str]]:
    return {probe: [verdict for verdict, _, _ in found] for probe, found in bill.items()}


def pay(client: Client, item: Item, side: SimulatedStripe) -> int:
    bought = buy(client, item)
    side.pay(bought["url"])
    number: int = bought["order_id"]
    return number


def an_hour_later(side: SimulatedStripe) -> Any:
    """By our clock and by Stripe's."""
    side.advance(3600)
    return freeze_time(timezone.now() + timedelta(hours=1), tick=True)
