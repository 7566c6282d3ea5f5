"""`/v1/account`: whose key this is. Source: docs.stripe.com/api/accounts/object (the contract leaves its shape out)."""

from simulator.accounts import find_setting
from simulator.state import Json
from simulator.world import Call


def retrieve(call: Call) -> Json:
    return {
        "id": call.account.id,
        "object": "account",
        "business_profile": {"name": "Simulated account"},
        "charges_enabled": True,
        "country": find_setting(call.account, "country", "US"),
        "default_currency": find_setting(call.account, "default_currency", "usd"),
        "details_submitted": True,
        "email": None,
        "metadata": {},
        "payouts_enabled": True,
        "type": "standard",
    }


HANDLERS = {("GET", "/v1/account"): retrieve}
