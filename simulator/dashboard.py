"""What stands in for Stripe's dashboard: a plain page for each object, at an address of the dashboard's shape.

`/dashboard/[acct_…/][test/]<kind>/<id>`. An address of another account or mode than the object's shows nothing, so that
a wrong link is seen.
"""

import json
from collections.abc import Mapping
from types import MappingProxyType

from aiohttp import web

from simulator.pages import render_missing, render_object
from simulator.state import Json
from simulator.world import World

# Where the dashboard shows what; a payment is found by its Charge too.
KINDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "payments": ("payment_intent", "charge"),
        "refunds": ("refund",),
        "disputes": ("dispute",),
        "checkout/sessions": ("checkout.session",),
        "payouts": ("payout",),
        "events": ("event",),
    }
)
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
}


class Dashboard:
    """Its handler."""

    def __init__(self, world: World) -> None:
        self.world = world

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/dashboard/{place:.+}", self.show)]

    async def show(self, request: web.Request) -> web.Response:
        *place, object_id = request.match_info["place"].split("/")
        account = place.pop(0) if place and place[0].startswith("acct_") else None
        livemode = not (place and place[0] == "test")
        found = self._find("/".join(place if livemode else place[1:]), object_id, account, livemode=livemode)
        if found is None:
            raise web.HTTPNotFound(text=render_missing(), content_type="text/html", headers=HEADERS)
        page = render_object(found, json.dumps(found, indent=2))
        return web.Response(text=page, content_type="text/html", headers=HEADERS)

    def _find(self, kind: str, object_id: str, account: str | None, *, livemode: bool) -> Json | None:
        for name in KINDS.get(kind, ()):
            owner, found = self.world.store.find_object(name, object_id) or (None, None)
            if owner and owner.livemode == livemode and account in {None, owner.id}:
                return found
        return None
