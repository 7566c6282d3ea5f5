"""`docker compose up` on a laptop: all is healthy, a browser buys, and the order survives `down` and `up`."""

from playwright.sync_api import Browser, expect

from deploy.processes import ROOT
from tests.browser import pages
from tests.browser.chromium import running_chromium
from tests.containers.docker import Project, build_images, image_sizes, wait_until

SHOP = "http://127.0.0.1:81"
START_SECONDS = 180
BASE, SERVED = "python:3.13-slim-trixie", {"database", "web", "worker", "simulator", "nginx"}


def rehearse_demo() -> None:
    """Raises StepError, or AssertionError, for what is not as promised."""
    project = Project("countersign-rehearsal", ROOT, ROOT / "docker-compose.yml")
    build_images("countersign")
    try:
        bring_up(project)
        print(f"published: {', '.join(sorted(project.published()))}")
        assert project.published() == {"127.0.0.1:81"}
        with running_chromium() as chromium:
            number = buy(chromium)
            print(f"order {number}: paid, through nginx, in Chromium {chromium.version}")
            project.compose("down")
            bring_up(project)
            look_at(chromium, number)
        print(f"order {number}: still there after `down` and `up`")
        for image, size in image_sizes(BASE, "countersign", "countersign-simulator").items():
            print(f"{image}: {size}")
    finally:
        project.compose("down", "--volumes")


def bring_up(project: Project) -> None:
    project.compose("up", "--detach")
    wait_until(
        lambda: {name for name, state in project.states().items() if state == "healthy"} == SERVED,
        START_SECONDS,
        "healthy",
    )
    print("; ".join(f"{name} {state}" for name, state in sorted(project.states().items())))


def buy(chromium: Browser) -> int:
    page = chromium.new_page(base_url=SHOP)
    pages.press_buy(page)
    pages.pay(page)
    number = pages.order_shown(page)
    pages.expect_status(page, "Paid")
    return number


def look_at(chromium: Browser, number: int) -> None:
    """As staff, in the admin."""
    page = chromium.new_page(base_url=SHOP)
    page.goto(f"/admin/orders/order/{number}/change/")
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password").fill("root")
    page.get_by_role("button", name="Log in").click()
    expect(page.locator("body")).to_contain_text(f"Order {number}")
    expect(page.locator("body")).to_contain_text("Paid")
