"""Puts the simulator together: routes, background work, start and stop."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator

from aiohttp import web

from simulator.api import Api
from simulator.control import Control
from simulator.dashboard import Dashboard
from simulator.disputes import dispute_charge, lose_unanswered
from simulator.hosted import HostedPage
from simulator.payments import fail_payment, settle_payment
from simulator.payouts import send_payout, settle_balance
from simulator.resources.checkout_sessions import expire_session
from simulator.staging import Staging
from simulator.staging_books import BookStaging
from simulator.stripe_js import StripeJs
from simulator.timeline import Actions, run_due
from simulator.world import World

ACTIONS: Actions = {
    "dispute_charge": dispute_charge,
    "expire_session": expire_session,
    "fail_payment": fail_payment,
    "lose_unanswered": lose_unanswered,
    "send_payout": send_payout,
    "settle_balance": settle_balance,
    "settle_payment": settle_payment,
}
MAX_BODY_BYTES = 1024 * 1024


def build_app(world: World) -> web.Application:
    app = web.Application(client_max_size=MAX_BODY_BYTES)
    app.add_routes(Control(world, ACTIONS).routes())
    app.add_routes(Staging(world).routes())
    app.add_routes(BookStaging(world).routes())
    app.add_routes(HostedPage(world).routes())
    app.add_routes(StripeJs(world).routes())
    app.add_routes(Dashboard(world).routes())
    app.router.add_route("*", "/v1/{rest:.*}", Api(world).serve)

    async def run_background(_app: web.Application) -> AsyncIterator[None]:
        await world.postman.start()
        ticking = asyncio.create_task(_tick(world))
        ticking.add_done_callback(_report)
        yield
        ticking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await ticking
        await world.postman.stop()
        world.store.close()

    app.cleanup_ctx.append(run_background)
    return app


def _report(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()):
        logging.getLogger(__name__).error("time stands still: nothing expires or settles any more", exc_info=error)


async def _tick(world: World) -> None:
    while True:
        run_due(world, ACTIONS)
        await asyncio.sleep(1)
