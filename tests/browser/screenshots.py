"""`make screenshots`: every state of the shop's pages on one sheet, at 360 and 1280 px, light and dark.

`--folder` keeps the single pictures there too. The sheet is a page of its own, which Chromium takes a picture of.
"""

import argparse
import os
import sys
from base64 import b64encode
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Literal, NamedTuple

import django

from deploy.demo import EMBEDDED
from deploy.postgres import running_server
from deploy.processes import ROOT

SERVER = os.environ.get("DATABASE_URL")  # before the settings of the tests name one that isn't there
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
django.setup()

from playwright.sync_api import Browser, Page  # noqa: E402 Django must know its settings first

from tests.browser.chromium import running_chromium  # noqa: E402 as above
from tests.browser.states import Shown, shop_pages  # noqa: E402 as above
from tests.shop import Shop, new_shop  # noqa: E402 as above

SHEET = ROOT / "docs" / "screenshots" / "shop.jpg"
QUALITY = 50  # of JPEG: letters stay readable, and the sheet below 750 kB
STYLE = """
body { background: #8f948f; color: #111; font: 500 15px system-ui, sans-serif; margin: 24px; width: 1752px; }
main { display: grid; gap: 24px; grid-template-columns: repeat(3, 1fr); }
figure { display: grid; gap: 8px; grid-template: auto auto auto / 122px 122px 1fr; margin: 0; }
figcaption { grid-column: 1 / -1; }
img { display: block; width: 100%; }
.phone { grid-row: 2 / 4; }
.desk { grid-column: 3; }
"""


class Look(NamedTuple):
    name: str
    kind: Literal["phone", "desk"]
    width: int
    height: int
    scheme: Literal["light", "dark"]


LOOKS = [
    Look("phone-light", "phone", 360, 1120, "light"),
    Look("phone-dark", "phone", 360, 1120, "dark"),
    Look("desk-light", "desk", 1280, 720, "light"),
    Look("desk-dark", "desk", 1280, 720, "dark"),
]


def take_pictures(page: Page, shop: Shop, shown: Shown) -> Iterator[tuple[Look, bytes]]:
    shown.open(page, shop)
    for look in LOOKS:
        page.set_viewport_size({"width": look.width, "height": look.height})
        page.emulate_media(color_scheme=look.scheme, reduced_motion="reduce")
        yield look, page.screenshot(animations="disabled")


def figure(shown: Shown, pictures: Sequence[tuple[Look, bytes]]) -> str:
    images = (
        f'<img class="{look.kind}" src="data:image/png;base64,{b64encode(picture).decode()}">'
        for look, picture in pictures
    )
    return f"<figure><figcaption>{shown.name}</figcaption>{''.join(images)}</figure>"


def compose(browser: Browser, figures: Sequence[str]) -> bytes:
    page = browser.new_page(viewport={"width": 1800, "height": 1000})
    page.set_content(f"<style>{STYLE}</style><main>{''.join(figures)}</main>", wait_until="load")
    return page.screenshot(full_page=True, type="jpeg", quality=QUALITY)


def main() -> int:
    parser = argparse.ArgumentParser(prog="make screenshots", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--folder", type=Path, help="where the single pictures go; without it they are not kept")
    parser.add_argument("--only", default="", help="the pages whose name holds this, and no sheet")
    options = parser.parse_args()
    figures = []
    with nullcontext(SERVER) if SERVER else running_server(EMBEDDED.folder) as url:
        os.environ["DATABASE_URL"] = url
        with new_shop() as shop, running_chromium() as browser:
            page = browser.new_page()
            for shown in shop_pages(shop):
                if options.only not in shown.name:
                    continue
                pictures = list(take_pictures(page, shop, shown))
                figures.append(figure(shown, pictures))
                if options.folder:
                    keep(options.folder, shown, pictures)
            sheet = compose(browser, figures)
    if not options.only:
        SHEET.write_bytes(sheet)
    print(f"{len(figures)} pages, {len(sheet) / 1000:.0f} kB")
    return 0


def keep(folder: Path, shown: Shown, pictures: Sequence[tuple[Look, bytes]]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for look, picture in pictures:
        (folder / f"{shown.name.replace(', ', '-').replace(' ', '-')}-{look.name}.png").write_bytes(picture)


if __name__ == "__main__":
    sys.exit(main())
