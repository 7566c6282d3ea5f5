"""A server's life: set up, sold on, updated and rolled back under load, backed up, lost and restored."""

import re
import tempfile
import time
from collections import Counter
from http import HTTPStatus
from pathlib import Path
from typing import Any

import requests

from deploy.processes import ROOT, StepError
from tests.containers.docker import build_images, image_sizes, run, wait_until
from tests.containers.server import AUTHORITY, DOMAIN, Server
from tests.containers.shoppers import Shoppers
from tests.simulated import TIMEOUT, SimulatedStripe

STRIPE = SimulatedStripe("http://localhost:8001")
PER_SECOND = 3
BEFORE_SECONDS = 8
# Each is refused to the role of web and worker.
TAMPERING = (
    "UPDATE core_event SET data = '{}'",
    "DELETE FROM core_event",
    "TRUNCATE core_event",
    "ALTER TABLE core_event DISABLE TRIGGER ALL",
    "SET session_replication_role = replica",
    "UPDATE core_checkpoint SET count = 0",
)


def rehearse_production() -> None:
    """Raises StepError, or AssertionError, for what is not as promised."""
    build_images("countersign:r1")
    run(["docker", "tag", "countersign:r1", "countersign:r2"], folder=ROOT)
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder))
        try:
            set_up(server)
            shoppers = Shoppers(DOMAIN, str(server.authority()), STRIPE)
            look(shoppers)
            update_under_load(server, shoppers)
            tamper(server)
            lose_and_restore(server)
        finally:
            server.project.compose("--profile", "tools", "down", "--volumes")


def set_up(server: Server) -> None:
    server.bring_secrets()
    server.project.compose("up", "--detach", "ca")
    # The stand-in reads it when it starts.
    wait_until(lambda: has_file(server, "ca", AUTHORITY), 60, "a certificate authority")
    server.project.compose("up", "--detach", "simulator")
    server.script("update.sh", "r1")
    wait_until(lambda: has_file(server, "nginx", "/certificates/live/shop/fullchain.pem"), 120, "a certificate")
    print("a certificate by ACME", flush=True)
    server.project.compose("run", "--rm", "-T", "migrate", "python3", "manage.py", "demo")


def has_file(server: Server, service: str, path: str) -> bool:
    return path in server.project.compose("exec", "-T", service, "sh", "-c", f"ls {path} || true")


def look(shoppers: Shoppers) -> None:
    """At what the server answers on its two ports."""
    plain = requests.get("http://127.0.0.1/item/1", headers={"Host": DOMAIN}, allow_redirects=False, timeout=TIMEOUT)
    assert (plain.status_code, plain.headers["Location"]) == (301, f"https://{DOMAIN}/item/1")
    with shoppers.new_session() as session:
        page = session.get("https://127.0.0.1/", headers={"Accept": "text/html"}, timeout=TIMEOUT)
        assert page.status_code == 200, page.text
        for path in ("/metrics", "/readyz"):
            assert session.get(f"https://127.0.0.1{path}", timeout=TIMEOUT).status_code == 404, path
    print(
        "http is sent to https; the page comes by a certificate that is verified; /metrics and /readyz are not served"
    )


def update_under_load(server: Server, shoppers: Shoppers) -> None:
    shoppers.start(PER_SECOND)
    for release in ("r2", "r1"):
        time.sleep(BEFORE_SECONDS)
        server.script("update.sh", release)
    time.sleep(BEFORE_SECONDS)
    shoppers.stop()
    posts = [attempt for delivery in told() for attempt in delivery["attempts"]]
    refused = Counter(str(post["error"] or post["status"]) for post in posts if post["status"] != HTTPStatus.OK)
    print(
        f"updated to r2 and rolled back to r1 under {PER_SECOND} purchases/s: {len(shoppers.orders)} shoppers, "
        f"{shoppers.requests} requests, {sum(shoppers.failed.values())} failed, the slowest {shoppers.slowest:.1f} s; "
        f"{len(posts)} webhooks, {refused.total()} not answered by 200; orders not paid: {len(shoppers.unpaid)}"
    )
    wrong = (dict(shoppers.failed), dict(refused), shoppers.unpaid)
    assert not any(wrong), wrong
    paid = int(server.sql("SELECT count(*) FROM orders_order WHERE state = 'paid'"))
    assert paid == len(set(shoppers.orders)) == len(shoppers.orders)


def told() -> list[dict[str, Any]]:
    answer = requests.get(f"{STRIPE.base}/_sim/deliveries", timeout=TIMEOUT).json()
    deliveries: list[dict[str, Any]] = answer["deliveries"]
    return deliveries


def tamper(server: Server) -> None:
    for statement in TAMPERING:
        try:
            server.sql(statement, role="countersign_application")
        except StepError as refused:
            print(f"{statement}: {str(refused).strip().splitlines()[-1]}")
        else:
            raise StepError(f"not refused to web's role: {statement}")


def lose_and_restore(server: Server) -> None:
    """A backup, more orders, the database's volume gone; then restored up to its last minute."""
    server.script("backup.sh")
    shoppers = Shoppers(DOMAIN, str(server.authority()), STRIPE)
    shoppers.start(PER_SECOND)
    time.sleep(3)
    shoppers.stop()
    server.script("restore.sh", "rehearse")
    restored = server.script("restore.sh", "restore")
    # It has stood still since the shop was closed.
    before = server.count()
    assert events_in(restored) == before["events"]
    server.project.compose("rm", "--force", "--stop", "web-blue", "web-green", "worker", "database")
    server.remember(GENERATION=2)
    server.script("update.sh", "r1")
    after = Shoppers(DOMAIN, str(server.authority()), STRIPE)
    after.start(PER_SECOND)
    time.sleep(3)
    after.stop()
    assert after.orders, "nobody could buy"
    wrong = (dict(after.failed), after.unpaid)
    assert not any(wrong), wrong
    assert min(after.orders) > max(shoppers.orders) + 100_000
    print(f"gone over to {before} that were restored; the next order is {min(after.orders)}")
    # What was restored can be lost as well: the way from the old back-up leads on along its own timeline.
    server.sql("SELECT pg_switch_wal()")
    time.sleep(5)
    assert events_in(server.script("restore.sh", "rehearse")) > before["events"]
    for image, size in image_sizes("countersign:r1").items():
        print(f"{image}: {size}")


def events_in(output: str) -> int:
    """That a restore found."""
    [events] = re.findall(r"restored up to .*, (\d+) events", output)
    return int(events)
