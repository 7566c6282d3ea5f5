"""Webhook endpoints as the postman needs them: Stripe's objects, and beside them what Stripe shows once, their secrets.

They are opened, changed and closed by resources/webhook_endpoints.py.
"""

from dataclasses import dataclass

from simulator.state import Account

KIND, SECRETS = "webhook_endpoint", "_endpoint"


@dataclass(frozen=True)
class Endpoint:
    """Where an account's events go; `secret` is the endpoint's `whsec_...`."""

    id: str
    url: str
    secret: str
    api_version: str
    events: tuple[str, ...]

    def wants(self, event_type: str) -> bool:
        return "*" in self.events or event_type in self.events


def enabled_endpoints(account: Account) -> dict[str, Endpoint]:
    secrets = account.records(SECRETS)
    return {
        name: Endpoint(
            name, known["url"], secrets[name]["secret"], known["api_version"], tuple(known["enabled_events"])
        )
        for name, known in account.records(KIND).items()
        if known["status"] == "enabled"
    }


def endpoints_for(account: Account, event_type: str) -> list[Endpoint]:
    return [endpoint for endpoint in enabled_endpoints(account).values() if endpoint.wants(event_type)]
