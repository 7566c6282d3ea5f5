"""`python -m simulator`: serve until SIGTERM or SIGINT.

When connections are accepted it prints `simulator: http://localhost:PORT`. With `--state`, accounts, objects, events,
clock and deliveries outlive a restart; faults and the log of requests do not.
"""

import argparse
import asyncio
import os
import signal
import sqlite3
import sys
from collections.abc import Mapping
from functools import partial

from aiohttp import web

from simulator.accounts import SETTINGS, SettingError, tell_account
from simulator.app import build_app
from simulator.resources.webhook_endpoints import configure_endpoints
from simulator.state import SECRET_KEY
from simulator.world import World

HOST = "127.0.0.1"


def parse_arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m simulator", description="A stand-in Stripe on the loopback interface."
    )
    parser.add_argument("--host", default=HOST, help="where it listens; only a container's own network is another")
    parser.add_argument("--port", type=int, default=0, help="0, the default, takes a free one")
    parser.add_argument("--public-url", help="how browsers reach it (default: http://localhost:PORT)")
    parser.add_argument("--state", metavar="PATH", help="an SQLite file that keeps everything over a restart")
    parser.add_argument(
        "--webhook",
        nargs=3,
        action="append",
        default=[],
        metavar=("SECRET_KEY", "URL", "WHSEC"),
        help="post the events of this key's account to this endpoint (may be given several times)",
    )
    parser.add_argument(
        "--account",
        nargs="+",
        action="append",
        default=[],
        metavar=("SECRET_KEY", "NAME=VALUE"),
        help=f"what this key's account is like: {', '.join(SETTINGS)} (may be given several times)",
    )
    parser.add_argument("--self-check", action="store_true", help="hold every answer and event against the contract")
    arguments = parser.parse_args(argv)
    for key, url, secret in arguments.webhook:
        if not (SECRET_KEY.fullmatch(key) and url.startswith("http") and secret.startswith("whsec_")):
            parser.error(f"--webhook {key[:8]}... {url}: want sk_test_..., http(s)://..., whsec_...")
    for key, *told in arguments.account:
        if not (SECRET_KEY.fullmatch(key) and told and all("=" in pair for pair in told)):
            parser.error(f"--account {key[:8]}...: want sk_test_... and NAME=VALUE")
    return arguments


def _tell(key: str, told: Mapping[str, str], world: World) -> None:
    tell_account(world.store.open_account(key), told)


async def serve(arguments: argparse.Namespace) -> str | None:
    """Run until a signal; answers why it could not start, if so."""
    try:
        world = World.create(arguments.state, self_check=arguments.self_check)
    except sqlite3.Error as error:
        return f"cannot open the state file {arguments.state}: {error}"
    world.begin_with(partial(configure_endpoints, arguments.webhook))
    try:
        for key, *told in arguments.account:
            world.begin_with(partial(_tell, key, dict(pair.split("=", 1) for pair in told)))
    except SettingError as error:
        return f"--account: {error}"
    runner = web.AppRunner(build_app(world), access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, arguments.host, arguments.port)
    try:
        await site.start()
    except OSError as error:
        await runner.cleanup()
        return f"cannot listen on port {arguments.port} ({os.strerror(error.errno or 0)}); choose another with --port"
    port = runner.addresses[0][1]
    world.public_url = (arguments.public_url or f"http://localhost:{port}").rstrip("/")
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    sys.stdout.write(f"simulator: http://localhost:{port}\n")
    sys.stdout.flush()
    await stopped.wait()
    await runner.cleanup()
    return None


def main() -> None:
    problem = asyncio.run(serve(parse_arguments(sys.argv[1:])))
    if problem:
        sys.exit(f"simulator: {problem}")


if __name__ == "__main__":
    main()
