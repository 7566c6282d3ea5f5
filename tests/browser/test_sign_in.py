"""Staff set up a second factor and sign in with it, on a phone and at a desk."""

import re
import time
from base64 import b32decode

import pytest
from django_otp.oath import TOTP
from playwright.sync_api import Page, expect

from tests.browser.conftest import DESKTOP, PHONE, Visit
from tests.browser.pages import assert_fits
from tests.browser.test_admin import log_in
from tests.shop import Shop

pytestmark = pytest.mark.browser

PASSWORD = "not-the-demos"


@pytest.fixture(params=[PHONE, DESKTOP])
def width(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.fixture
def name(shop: Shop, width: int) -> str:
    """Somebody of their own: who is locked out here is locked out of the other tests' shop as well."""
    name = f"newcomer-{width}"
    someone = f"'{name}', password='{PASSWORD}', is_staff=True"
    make = f"from django.contrib.auth.models import User; User.objects.create_user({someone})"
    shop.manage("shell", "--no-imports", "-c", make).check_returncode()
    return name


def give_password(page: Page, name: str) -> None:
    page.goto("/admin/")
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()


def give_code(page: Page, code: str) -> None:
    page.get_by_label("Code").fill(code)
    assert_fits(page)
    page.get_by_role("button", name=re.compile("Sign in|Turn it on")).click()


def code_of(key: str, *, later: int = 0) -> str:
    """What the phone shows, or will show in so many seconds."""
    totp = TOTP(b32decode(key))
    totp.time = time.time() + later
    return f"{totp.token():06}"


def test_a_second_factor(visit: Visit, name: str, width: int, complaints: list[str]) -> None:
    page = visit(width=width)
    give_password(page, name)
    page.wait_for_url("**/admin/")
    page.goto("/admin/second-factor/")
    key = page.locator("[data-key]").inner_text().replace(" ", "")
    expect(page.get_by_role("img", name="QR code")).to_be_visible()
    first = code_of(key)
    give_code(page, first)
    codes = page.locator("[data-recovery-code]").all_inner_texts()
    assert len(set(codes)) == 10
    assert_fits(page)
    page.get_by_role("link", name="I have kept them").click()
    page.wait_for_url("**/admin/")

    other = visit(width=width)
    give_password(other, name)
    other.wait_for_url("**/admin/login/code/")
    give_code(other, codes[0])
    other.wait_for_url("**/admin/")

    page.locator("#logout-form").evaluate("form => form.submit()")
    page.wait_for_url("**/admin/logout/")
    give_password(page, name)
    give_code(page, first)
    expect(page.get_by_text("wrong or was used already")).to_be_visible()
    assert_fits(page)
    time.sleep(1.1)  # after a wrong code the next one is not looked at for a second
    give_code(page, code_of(key, later=30))
    page.wait_for_url("**/admin/")

    page.locator("#logout-form").evaluate("form => form.submit()")
    page.wait_for_url("**/admin/logout/")
    give_password(page, name)
    for _ in range(5):
        give_code(page, "not a code")
    expect(page.get_by_role("heading", name="Too many failed sign-ins")).to_be_visible()
    expect(page.get_by_text("for 15 minutes")).to_be_visible()
    assert_fits(page)
    give_password(page, name)
    expect(page.get_by_role("heading", name="Too many failed sign-ins")).to_be_visible()

    superuser = visit(width=width)
    log_in(superuser)
    superuser.goto("/admin/auth/user/")
    superuser.get_by_role("link", name=name).click()
    expect(superuser.locator("[data-kind='staff.locked_out']")).to_have_count(1)
    expect(superuser.get_by_role("link", name="Reset password")).to_be_in_viewport(ratio=1)
    assert_fits(superuser)
    superuser.get_by_role("link", name="Reset the second factor").click()
    assert_fits(superuser)
    superuser.get_by_role("button", name="Reset").click()
    expect(superuser.locator("[data-kind='staff.second_factor_reset']")).to_have_count(1)
    # Of the two 429 that were wanted.
    assert len(complaints) == 2
    complaints.clear()
