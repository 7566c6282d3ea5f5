"""`/v1/webhook_endpoints`. Source: docs.stripe.com/api/webhook_endpoints.

Those of the command line are there from the beginning: enabled, for every event, in the contract's version. What the
API changes of one stays, but for its url and secret, in which the next command line has the last word.
"""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import urlsplit

from simulator.endpoints import KIND, SECRETS
from simulator.errors import invalid_parameter, not_simulated
from simulator.resources.listing import fetch, list_kind
from simulator.resources.metadata import merge_metadata
from simulator.resources.updating import without_empty
from simulator.state import Account, Json
from simulator.world import Call, Scope, World, new_id


def create(call: Call) -> Json:
    """The one answer that shows the secret."""
    params = without_empty(call.params)
    if params.pop("connect", False):
        raise not_simulated("webhook endpoints of connected accounts")
    url, secret = params.pop("url"), new_id("whsec_", 32)
    _check_url(url)
    values = params | {"metadata": merge_metadata({}, call.params)}
    endpoint = open_endpoint(call, new_id("we_1"), url, secret, **values)
    return endpoint | {"secret": secret}


def retrieve(call: Call) -> Json:
    return fetch(call, KIND, KIND)


def list_endpoints(call: Call) -> Json:
    return list_kind(call, KIND)


def update(call: Call) -> Json:
    endpoint = fetch(call, KIND, KIND)
    params = without_empty(call.params)
    _check_url(params.get("url", endpoint["url"]))
    if "disabled" in params:
        endpoint["status"] = "disabled" if params.pop("disabled") else "enabled"
    return call.account.put(endpoint | params | {"metadata": merge_metadata(endpoint["metadata"], call.params)})


def delete(call: Call) -> Json:
    endpoint = fetch(call, KIND, KIND)
    _close(call.account, endpoint["id"])
    return {"id": endpoint["id"], "object": KIND, "deleted": True}


def open_endpoint(scope: Scope, endpoint_id: str, url: str, secret: str, **values: Any) -> Json:
    """Add an endpoint, or give the one of that id another url and secret."""
    endpoint = scope.account.find(KIND, endpoint_id)
    if endpoint is None:
        endpoint = scope.blank(KIND, "", id=endpoint_id, status="enabled", enabled_events=["*"], metadata={})
        endpoint |= {"api_version": scope.world.contract.version, **values}
    scope.account.note(SECRETS, endpoint_id, {"secret": secret})
    return scope.account.put(endpoint | {"url": url})


def register_endpoint(scope: Scope, url: str, secret: str) -> Json:
    """An endpoint that a test orders; the same url again changes its secret."""
    name = hashlib.sha256(f"{scope.account.id} {url}".encode()).hexdigest()[:23]
    return open_endpoint(scope, f"we_1{name}", url, secret)


def configure_endpoints(listed: Sequence[Sequence[str]], world: World) -> None:
    """The command line's endpoints, each a secret key, a url and a secret; what an earlier one had is closed."""
    kept: set[str] = set()
    for key, url, secret in listed:
        scope = Scope(world, world.store.open_account(key))
        # Named by its place, so a new port keeps the deliveries that are pending.
        name = next(name for name in _places(scope.account) if name not in kept)
        kept.add(name)
        open_endpoint(scope, name, url, secret)
    for account in world.store.accounts.values():
        for name in _places(account):
            if name not in account.records(KIND):
                break
            if name not in kept:
                _close(account, name)


def _places(account: Account) -> Iterable[str]:
    """The ids of an account's first, second, ... endpoint on the command line."""
    return (f"we_1{account.id[-12:]}{place}" for place in range(100))


def _close(account: Account, endpoint_id: str) -> None:
    account.remove(KIND, endpoint_id)
    account.remove(SECRETS, endpoint_id)


def _check_url(url: str | None) -> None:
    parts = urlsplit(url or "")
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise invalid_parameter(
            "url", "Invalid URL: An explicit scheme (such as https) must be provided.", "url_invalid"
        )


HANDLERS = {
    ("GET", "/v1/webhook_endpoints"): list_endpoints,
    ("POST", "/v1/webhook_endpoints"): create,
    ("GET", "/v1/webhook_endpoints/{webhook_endpoint}"): retrieve,
    ("POST", "/v1/webhook_endpoints/{webhook_endpoint}"): update,
    ("DELETE", "/v1/webhook_endpoints/{webhook_endpoint}"): delete,
}
