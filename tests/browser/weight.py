"""What the shop's first pages weigh, and how soon they are seen: `make bench ARGS="--shop"`.

The shop runs in its production configuration (static files collected and compressed) on this machine; each load is a
cold one, of a browser that has seen nothing before. The network is the loopback: what is told of time is the work of
server and browser, and decides nothing. Bytes and origins are held by test_weight.py.
"""

import secrets
import statistics
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from os import environ
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, Request

from deploy.bench.scratch import free_port, own_database
from deploy.bench.subject import complete, wait_for_answer
from deploy.check import production
from deploy.processes import Child
from tests.browser.chromium import running_chromium

ADDRESSES = {"catalogue": "/", "item": "/item/1"}
WIDTHS = {"phone": 360, "desk": 1280}
LOADS = 9
END_SECONDS = 10
# The proxy in front speaks TLS; without this word of it the shop would redirect there.
BEHIND_TLS = {"X-Forwarded-Proto": "https"}
# web.dev/articles/cls: the sum of what moved without the person's doing.
SEEN = """() => new Promise((resolve) => {
  let shift = 0;
  const note = (list) => list.getEntries().forEach((one) => { shift += one.hadRecentInput ? 0 : one.value; });
  new PerformanceObserver(note).observe({ type: "layout-shift", buffered: true });
  const paint = () => performance.getEntriesByName("first-contentful-paint")[0];
  setTimeout(() => resolve({ shift, paint: paint()?.startTime }), 300);
})"""


class Load(NamedTuple):
    """One cold load: bytes with their headers, and whom they came from."""

    received: int
    requests: int
    origins: frozenset[str]


def load(page: Page, address: str) -> Load:
    asked: list[Request] = []

    def note(request: Request) -> None:
        asked.append(request)

    page.on("requestfinished", note)
    page.goto(address, wait_until="networkidle")
    sizes = [request.sizes() for request in asked]
    received = sum(size["responseBodySize"] + size["responseHeadersSize"] for size in sizes)
    return Load(received, len(asked), frozenset("{0.scheme}://{0.netloc}".format(urlsplit(one.url)) for one in asked))


def measure(browser: Browser, base: str) -> Iterator[str]:
    yield f"{'page':<24}{'kB':>7}{'requests':>10}{'first paint, ms':>24}{'layout shift':>14}  origins"
    for (name, path), (device, width) in ((page, width) for page in ADDRESSES.items() for width in WIDTHS.items()):
        loads, seen = zip(*(cold(browser, f"{base}{path}", width) for _ in range(LOADS)), strict=True)
        paints = [one["paint"] for one in seen]
        paint = f"{statistics.median(paints):.0f} ({min(paints):.0f} .. {max(paints):.0f})"
        kilobytes = statistics.median(one.received for one in loads) / 1000
        origins = ", ".join(sorted(frozenset().union(*(one.origins for one in loads))))
        yield (
            f"{name + ', ' + device:<24}{kilobytes:>7.1f}{loads[0].requests:>10}{paint:>24}"
            f"{max(one['shift'] for one in seen):>14.3f}  {origins}"
        )


def cold(browser: Browser, address: str, width: int) -> tuple[Load, dict[str, Any]]:
    context = browser.new_context(viewport={"width": width, "height": 800}, extra_http_headers=BEHIND_TLS)
    page = context.new_page()
    loaded = load(page, address)
    seen: dict[str, Any] = page.evaluate(SEEN)
    context.close()
    return loaded, seen


@contextmanager
def running_shop(server_url: str) -> Iterator[str]:
    """Its address; in production's configuration, with the demo's catalogue."""
    with own_database(server_url) as database_url, tempfile.TemporaryDirectory() as folder:
        environment = production(database_url) | {
            "DJANGO_ALLOWED_HOSTS": "127.0.0.1",
            "DJANGO_SUPERUSER_PASSWORD": secrets.token_urlsafe(),
            "PORT": str(free_port()),
        }
        for arguments in (("migrate", "--verbosity=0"), ("demo",), ("collectstatic", "--no-input", "--verbosity=0")):
            complete(environment, "manage.py", *arguments)
        command = [sys.executable, "-m", "gunicorn", "core.wsgi", "--config", "deploy/gunicorn.py"]
        server = Child("web", command, log=Path(folder) / "web.log", env=environment)
        try:
            wait_for_answer(server, int(environment["PORT"]), "/readyz")
            yield f"http://127.0.0.1:{environment['PORT']}"
        finally:
            server.end(END_SECONDS)


def main() -> int:
    with running_shop(environ["DATABASE_URL"]) as base, running_chromium() as browser:
        print(f"{LOADS} cold loads each: medians, lowest .. highest; of layout shift the highest")
        for line in measure(browser, base):
            print(line, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
