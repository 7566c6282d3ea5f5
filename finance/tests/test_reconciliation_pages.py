"""Finance's pages of a reconciliation, its exceptions, payouts and books; and the button that has one made."""

from dataclasses import replace
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from procrastinate.contrib.django.models import ProcrastinateJob

from billing.tests.mirrors import empty_queue
from finance.models import BalanceTransaction, Payout, ReconciliationException
from finance.tests.bookkeeping import Till, order_of, reconcile
from finance.tests.rows import exception
from tests.simulated import ACCOUNT_KEYS

pytestmark = pytest.mark.django_db(transaction=True)

ROOT = "/admin/finance/reconciliation/default/change/"


def staff(client: Client, *permissions: str) -> Client:
    """Somebody who may do these things alone."""
    person = User.objects.create_user("finance", is_staff=True)
    person.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client.force_login(person)
    return client


def shown(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200, answer
    return answer.content.decode()


@pytest.fixture
def distorted(till: Till) -> str:
    """Books with three exceptions, a manual and an automatic payout; the hidden charge."""
    till.stripe.tell_account(payouts="automatic")
    till.sell()
    till.pass_days()
    till.stripe.tell_account(payouts="manual")
    hidden, altered = till.sell(), till.sell()
    till.stripe.distort_books(hide=hidden)
    till.stripe.distort_books(source=altered, fee=100)
    till.stripe.distort_books(foreign=ACCOUNT_KEYS["default"], amount=3000)
    till.pass_days()
    till.stripe.pay_out(amount=500)
    assert len(reconcile()) == 3
    return hidden


class TestPages:
    def test_of_an_account_tell_its_exceptions_with_order_and_object(
        self, admin_client: Client, distorted: str
    ) -> None:
        page = shown(admin_client, ROOT)
        assert "3 exceptions" in page
        assert f'href="/admin/orders/order/{order_of(distorted)}/change/"' in page
        assert f"/test/payments/{distorted}" in page
        assert page.count('data-kind="') == 3

    def test_of_a_month_keep_what_is_settled(self, admin_client: Client, till: Till, distorted: str) -> None:
        found = ReconciliationException.objects.get(object_id=distorted)
        address = f"/admin/finance/reconciliation/default/month/{found.month}/"
        assert distorted in shown(admin_client, address)
        till.stripe.distort_books(show=distorted)
        assert len(reconcile()) == 2
        assert distorted in shown(admin_client, address)
        assert distorted not in shown(admin_client, ROOT)
        assert admin_client.get("/admin/finance/reconciliation/default/month/2026-13/").status_code == 404

    def test_of_payouts_say_what_they_were_made_of(self, admin_client: Client, distorted: str) -> None:
        automatic, manual = Payout.objects.get(is_automatic=True), Payout.objects.get(is_automatic=False)
        page = shown(admin_client, f"/admin/finance/payout/{automatic.pk.replace('_', '_5F')}/change/")
        assert "Lines that it took along" in page
        page = shown(admin_client, f"/admin/finance/payout/{manual.pk.replace('_', '_5F')}/change/")
        assert "Available balance before" in page

    def test_of_an_exception_say_what_to_do(self, admin_client: Client, distorted: str) -> None:
        for found in ReconciliationException.objects.all():
            page = shown(admin_client, f"/admin/finance/reconciliationexception/{found.pk.replace('_', '_5F')}/change/")
            assert "What to do" in page

    def test_of_books_are_found_by_what_moved_the_money(self, admin_client: Client, distorted: str) -> None:
        line = BalanceTransaction.objects.exclude(source="").order_by("pk")[0]
        page = admin_client.get("/admin/finance/balancetransaction/", {"q": line.source})
        assert line in page.context["cl"].result_list

    def test_ask_as_much_of_the_database_for_many_as_for_few(
        self, admin_client: Client, till: Till, distorted: str
    ) -> None:
        def queries() -> int:
            with CaptureQueriesContext(connection) as captured:
                shown(admin_client, ROOT)
            return len(captured)

        queries()  # what is kept of a first request
        before = queries()
        for _ in range(3):
            till.stripe.distort_books(foreign=ACCOUNT_KEYS["default"], amount=3000)
        till.pass_days()
        till.stripe.pay_out(amount=500)
        reconcile()
        assert queries() == before

    @pytest.mark.parametrize("page", [ROOT, "/admin/finance/reconciliation/default/month/2026-11/"])
    def test_are_for_those_who_may_see_them(self, client: Client, distorted: str, page: str) -> None:
        assert staff(client).get(page).status_code == 403


class TestAnAccountOrModeNoLongerInUse:
    """Its exceptions can't settle any more: they are to be read, and are nobody's work."""

    @pytest.fixture
    def before(self) -> None:
        exception("ch_test", kind="ours_without_theirs")
        exception("ch_settled", kind="fee_differs", settled=True)

    def seen(self, client: Client) -> dict[str, Any]:
        """The objects that are listed as open, as ended and at all; whether home and the account's page count any."""
        lists = {
            standing: [row.object_id for row in listed_rows(client, standing=standing)]
            for standing in ("open", "ended", "")
        }
        home = [need.need.count for need in client.get("/admin/").context["home"]["needs"]]
        return lists | {"home": home, "page": "1 exception" in shown(client, ROOT)}

    def test_is_not_counted_and_stays_readable(self, admin_client: Client, before: None, settings: Any) -> None:
        every = ["ch_test", "ch_settled"]
        counted = {"open": ["ch_test"], "ended": [], "": every, "home": [1], "page": True}
        left = {"open": [], "ended": ["ch_test"], "": every, "home": [], "page": False}
        assert self.seen(admin_client) == counted
        accounts = settings.STRIPE_ACCOUNTS
        settings.STRIPE_ACCOUNTS = accounts | {"default": replace(accounts["default"], secret_key="sk_live_1")}
        assert self.seen(admin_client) == left
        assert "standing=ended&amp;account=default" in shown(admin_client, ROOT)
        settings.STRIPE_ACCOUNTS = {"euro": accounts["euro"]}
        assert self.seen(admin_client) == left
        assert "no longer in use" in shown(admin_client, "/admin/finance/reconciliation/")
        assert [row.object_id for row in listed_rows(admin_client, account="default")] == every
        settings.STRIPE_ACCOUNTS = accounts
        assert self.seen(admin_client) == counted


def listed_rows(client: Client, **filters: str) -> list[ReconciliationException]:
    chosen = {name: value for name, value in filters.items() if value}
    page = client.get("/admin/finance/reconciliationexception/", chosen)
    return list(page.context["cl"].result_list)


class TestReconcileNow:
    def test_is_done_by_a_job_for_each_account_and_once(self, client: Client, distorted: str) -> None:
        person = staff(client, "view_reconciliation", "act_on_order")
        assert "Reconcile now" in shown(person, ROOT)
        empty_queue()
        for _ in range(2):
            answer = person.post("/admin/finance/reconciliation/now/", {"account": "default"})
            assert (answer.status_code, answer.headers["Location"]) == (302, ROOT)
        waiting = ProcrastinateJob.objects.filter(task_name="finance.reconcile_account")
        assert [job.args for job in waiting] == [{"account": "default"}]
        person.post("/admin/finance/reconciliation/now/")
        assert sorted(job.args["account"] for job in waiting.all()) == ["default", "euro"]

    def test_is_for_whoever_may_act(self, client: Client, distorted: str) -> None:
        viewer = staff(client, "view_reconciliation")
        assert "Reconcile now" not in shown(viewer, ROOT)
        assert viewer.post("/admin/finance/reconciliation/now/").status_code == 403

    def test_happens_by_a_post_alone(self, admin_client: Client, distorted: str) -> None:
        assert admin_client.get("/admin/finance/reconciliation/now/").status_code == 405
        assert admin_client.post("/admin/finance/reconciliation/now/", {"account": "none"}).status_code == 404
