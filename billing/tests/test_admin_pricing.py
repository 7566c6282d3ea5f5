"""Discounts and taxes in the admin: edited as people write them, with what Stripe has of them."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django.fixtures import DjangoAssertNumQueries

from billing.mirroring import sync_mirror
from billing.models import Coupon, Discount, DiscountMirror, Tax, TaxMirror, TaxRate
from billing.tests.mirrors import coupons, five_dollars, queued, story, summer, vat, work
from core.eventlog.replay import check_rows
from core.models import Event
from tests.simulated import SimulatedStripe

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("mirroring")]

FORM = {"name": "Winter", "code": "winter", "percent_off": "", "amount_off": "", "currency": ""}


def staff(*permissions: str) -> Client:
    user = User.objects.create_user("finance", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user)
    return client


def errors_of(page: Any) -> dict[str, list[str]]:
    return dict(page.context["adminform"].form.errors)


class TestTheForm:
    @pytest.mark.parametrize(
        ("fields", "off"),
        [
            ({"percent_off": "12.5"}, "12.5 %"),
            ({"amount_off": "5.00", "currency": "usd"}, "$5.00"),
            ({"amount_off": "500", "currency": "jpy"}, "¥500"),
            ({"amount_off": "1.05", "currency": "kwd"}, "KWD\xa01.050"),
        ],
    )
    def test_takes_amounts_as_people_write_them(self, admin_client: Client, fields: dict[str, str], off: str) -> None:
        assert admin_client.post("/admin/billing/discount/add/", FORM | fields).status_code == 302
        discount = Discount.objects.get()
        assert (discount.off_text, discount.code) == (off, "WINTER")

    @pytest.mark.parametrize(
        ("fields", "field", "error"),
        [
            ({}, "percent_off", "Give a percentage or an amount, and not both."),
            (
                {"percent_off": "5", "amount_off": "5", "currency": "usd"},
                "percent_off",
                "Give a percentage or an amount, and not both.",
            ),
            ({"amount_off": "5"}, "currency", "An amount has a currency, a percentage has none."),
            ({"percent_off": "5", "currency": "usd"}, "currency", "An amount has a currency, a percentage has none."),
            ({"amount_off": "5.005", "currency": "usd"}, "amount_off", "An amount in USD has at most 2 decimals."),
            ({"amount_off": "5.5", "currency": "jpy"}, "amount_off", "An amount in JPY has no decimals."),
            ({"percent_off": "101"}, "percent_off", "Ensure this value is less than or equal to 100."),
            ({"percent_off": "5", "code": "two words"}, "code", "Letters, digits, - and _ only."),
            ({"percent_off": "5", "code": "Summer"}, "code", "Another discount has this code."),
        ],
    )
    def test_says_what_is_wrong(self, admin_client: Client, fields: dict[str, str], field: str, error: str) -> None:
        summer()
        page = admin_client.post("/admin/billing/discount/add/", FORM | fields)
        assert page.status_code == 200
        assert error in [text for texts in errors_of(page).values() for text in texts]
        assert Discount.objects.count() == 1

    def test_shows_an_amount_as_it_was_written(self, admin_client: Client) -> None:
        discount = five_dollars()
        page = admin_client.get(f"/admin/billing/discount/{discount.pk}/change/")
        assert 'value="5.00"' in page.content.decode()

    def test_of_a_tax_saves_it(self, admin_client: Client) -> None:
        fields = {"name": "VAT", "percentage": "8.875", "inclusive": "on", "jurisdiction": "", "country": "de"}
        assert admin_client.post("/admin/billing/tax/add/", fields).status_code == 302
        assert (Tax.objects.get().terms.percentage, Tax.objects.get().country) == ("8.875", "DE")


class TestThePage:
    def test_shows_what_each_account_has(self, admin_client: Client, stripe_side: SimulatedStripe) -> None:
        discount = summer()
        installation = DiscountMirror.objects.get().installation
        taken = f"{installation}-{discount.pk}-1-euro-1"
        stripe_side.in_dashboard("POST", "/v1/coupons", "euro", id=taken, percent_off="1")
        work()
        page = admin_client.get(f"/admin/billing/discount/{discount.pk}/change/")
        shown = [(one["row"].account, one["row"].state, one["reason"]) for one in page.context["counterparts"]]
        assert shown == [("default", "synced", ""), ("euro", "failed", "resource_already_exists")]
        text = page.content.decode()
        assert f"{installation}-{discount.pk}-1-default-1" in text
        assert "resource_already_exists" in text

    def test_tells_what_a_pending_one_waits_for(self, admin_client: Client, stripe_side: SimulatedStripe) -> None:
        tax = vat()
        stripe_side.order_fault("http_429", "POST /v1/tax_rates", times=0)
        for _, _, args in queued():
            with pytest.raises(Exception, match="isn't answering"):
                sync_mirror(**args)
        page = admin_client.get(f"/admin/billing/tax/{tax.pk}/change/")
        shown = [(one["row"].account, one["row"].state, one["reason"]) for one in page.context["counterparts"]]
        assert shown == [("default", "pending", "rate_limit"), ("euro", "pending", "rate_limit")]

    def test_says_that_no_account_serves_a_currency(self, admin_client: Client) -> None:
        discount = five_dollars(currency="gbp")
        page = admin_client.get(f"/admin/billing/discount/{discount.pk}/change/").content.decode()
        assert "no account serves its currency" in page

    def test_of_something_new_has_nothing_to_show(self, admin_client: Client) -> None:
        assert "Sync again" not in admin_client.get("/admin/billing/discount/add/").content.decode()

    def test_leaves_out_what_is_retired(self, admin_client: Client, stripe_side: SimulatedStripe) -> None:
        discount = five_dollars()
        work()
        discount.amount_off = 600
        discount.save()
        work()
        page = admin_client.get(f"/admin/billing/discount/{discount.pk}/change/")
        assert [one["row"].version for one in page.context["counterparts"]] == [2]
        page = admin_client.get(f"/admin/billing/discountmirror/{discount.pk}/change/")
        assert [one["row"].version for one in page.context["counterparts"]] == [2, 1]


class TestSyncAgain:
    def test_is_on_record_as_asked_by_this_person(
        self, admin_client: Client, admin_user: User, stripe_side: SimulatedStripe
    ) -> None:
        discount = five_dollars()
        taken = f"{DiscountMirror.objects.get().installation}-{discount.pk}-1-default-1"
        stripe_side.in_dashboard("POST", "/v1/coupons", id=taken, percent_off="1")
        work()
        asked = {"version": DiscountMirror.objects.get().stream_version}
        for _ in range(2):
            answer = admin_client.post(f"/admin/billing/discount/{discount.pk}/sync/", asked)
        assert Event.objects.filter(stream=f"discount-{discount.pk}", data__change="asked").count() == 1
        assert answer["Location"] == f"/admin/billing/discount/{discount.pk}/change/"
        event = Event.objects.filter(stream=f"discount-{discount.pk}").latest("version")
        assert (event.kind, event.data["change"], event.actor) == (
            "discount.sync_requested",
            "asked",
            f"staff:{admin_user.pk}",
        )
        work()
        assert Coupon.objects.get().state == "synced"

    def test_is_offered_for_what_is_deleted(self, admin_client: Client, stripe_side: SimulatedStripe) -> None:
        """Its retirement may have failed."""
        tax = vat()
        work()
        key = tax.pk
        tax.delete()
        page = admin_client.get(f"/admin/billing/taxmirror/{key}/change/")
        assert "Sync again" in page.content.decode()
        asked = {"version": TaxMirror.objects.get().stream_version}
        assert admin_client.post(f"/admin/billing/taxmirror/{key}/sync/", asked).status_code == 302
        work()
        assert story(f"tax-{key}")[3:5] == ["sync_requested deleted", "sync_requested asked"]
        assert set(TaxRate.objects.values_list("state", flat=True)) == {"retired"}

    @pytest.mark.parametrize("page", ["discount", "discountmirror"])
    def test_needs_the_permission_to_act_on_orders(self, page: str) -> None:
        discount = summer()
        client = staff("view_discount", "view_discountmirror", "change_discount")
        assert "Sync again" not in client.get(f"/admin/billing/{page}/{discount.pk}/change/").content.decode()
        assert client.post(f"/admin/billing/{page}/{discount.pk}/sync/").status_code == 403
        assert story(f"discount-{discount.pk}") == ["sync_requested saved"]

    def test_asks_first(self, admin_client: Client) -> None:
        discount = summer()
        page = admin_client.get(f"/admin/billing/discount/{discount.pk}/sync/").content.decode()
        assert "what had failed is tried again, and what is there is compared" in page
        assert story(f"discount-{discount.pk}") == ["sync_requested saved"]

    def test_of_nothing_is_not_found(self, admin_client: Client) -> None:
        assert admin_client.post("/admin/billing/discount/7/sync/").status_code == 404


class TestDeleting:
    def test_retires_what_stripe_has(self, admin_client: Client, stripe_side: SimulatedStripe) -> None:
        discount = summer()
        work()
        assert admin_client.get(f"/admin/billing/discount/{discount.pk}/delete/").status_code == 200
        answer = admin_client.post(f"/admin/billing/discount/{discount.pk}/delete/", {"post": "yes"})
        assert answer.status_code == 302
        work()
        assert coupons(stripe_side) == {"default": [], "euro": []}
        assert list(check_rows()) == []


class TestTheList:
    def test_shows_the_worst_of_the_accounts(self, admin_client: Client, stripe_side: SimulatedStripe) -> None:
        synced = five_dollars()
        work()
        failed = summer()
        taken = f"{DiscountMirror.objects.first().installation}-{failed.pk}-1-default-1"  # type: ignore[union-attr]
        stripe_side.in_dashboard("POST", "/v1/coupons", id=taken, percent_off="1")
        work()
        pending, nowhere = five_dollars(), five_dollars(currency="gbp")
        page = admin_client.get("/admin/billing/discount/")
        options = page.context["cl"].model_admin
        assert {row.pk: options.at_stripe(row) for row in page.context["cl"].result_list} == {
            synced.pk: "synced",
            failed.pk: "failed",
            pending.pk: "pending",
            nowhere.pk: "nowhere",
        }

    @pytest.mark.parametrize("page", ["discount", "tax", "discountmirror", "taxmirror", "coupon", "taxrate"])
    def test_asks_no_more_when_they_are_many(
        self, admin_client: Client, django_assert_num_queries: DjangoAssertNumQueries, page: str
    ) -> None:
        summer()
        vat()
        admin_client.get(f"/admin/billing/{page}/")
        with CaptureQueriesContext(connection) as captured:
            admin_client.get(f"/admin/billing/{page}/")
        for _ in range(10):
            five_dollars()
            vat()
        with django_assert_num_queries(len(captured)):
            assert admin_client.get(f"/admin/billing/{page}/").status_code == 200


@pytest.mark.parametrize("kind", ["discount", "tax"])
def test_a_counterpart_shows_what_it_should_be_and_what_stripe_was_told(
    admin_client: Client, stripe_side: SimulatedStripe, kind: str
) -> None:
    row = summer() if kind == "discount" else vat()
    work()
    model = "coupon" if kind == "discount" else "taxrate"
    page = admin_client.get(f"/admin/billing/{model}/{row.pk}-1-euro/change/").content.decode()
    assert "15" in page if kind == "discount" else "8.875" in page
    assert f"/admin/billing/{kind}mirror/{row.pk}/change/" in page
    assert f"/admin/core/event/?q={kind}-{row.pk}" in page
    found = admin_client.get(f"/admin/billing/{model}/", {"q": str(row.pk)})
    assert len(found.context["cl"].result_list) == 2
