"""The admin's start page: what needs a person, and figures by day, to those who may see them."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from freezegun import freeze_time

from billing.models import Coupon, DiscountMirror, StripeCall, TaxMirror, TaxRate
from core.chain import Head
from core.eventlog import provenance
from core.models import Event, Follower
from core.tests.streams import append
from finance.delays import bucket_of
from finance.home import Need, finds
from finance.home.needs import needs
from finance.home.page import axis_money, duration
from finance.tests.rows import dispute, exception, order, summary
from orders.events import OrderPaid
from orders.models import Attention, Order, RefundApproval
from webhooks.models import Delivery

pytestmark = pytest.mark.django_db

NOW = "2026-11-25T12:03:10Z"


@pytest.fixture(autouse=True)
def noon() -> Iterator[None]:
    with freeze_time(NOW):
        yield


def staff(*permissions: str) -> Client:
    user = User.objects.create_user(f"finance-{uuid4()}", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user)
    return client


def home(client: Client, **asked: str) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/admin/", asked).context["home"]
    return found


def told(client: Client) -> dict[str, int]:
    """Sentence -> count, the quiet ones included."""
    page = home(client)
    shown = [one.need for one in page["needs"] + page["quiet"]]
    return {need.sentence: need.count for need in shown}


def listed(client: Client, url: str) -> int:
    """How many rows the list has that a need leads to."""
    answer = client.get(url)
    assert answer.status_code == 200
    return len(answer.context["cl"].result_list)


def delivery(number: int, state: str) -> Delivery:
    return Delivery.objects.create(
        account="default",
        event_id=f"evt_{number}",
        type="charge.succeeded",
        livemode=False,
        payload=b"{}",
        state=state,
        received_at=datetime.now(UTC),
    )


def call(state: str, seconds_ago: int) -> StripeCall:
    requested_at = datetime.now(UTC) - timedelta(seconds=seconds_ago)
    return StripeCall.objects.create(
        pk=uuid4(), account="default", operation="refund", state=state, requested_at=requested_at
    )


def approval(of: Order, state: str) -> RefundApproval:
    return RefundApproval.objects.create(
        pk=f"{of.pk}-{uuid4()}",
        order=of,
        approval=str(uuid4()),
        state=state,
        amount=1850,
        currency=of.currency,
        reason="duplicate",
        asked_by="staff:1",
        asked_at=datetime.now(UTC),
    )


class TestWhatNeedsAPerson:
    def test_is_said_calmly_when_there_is_nothing(self, admin_client: Client) -> None:
        order(1)
        assert told(admin_client) == {}
        assert "Nothing waits for you." in admin_client.get("/admin/").content.decode()

    def test_are_orders_by_the_reason_to_look(self, admin_client: Client) -> None:
        reasons = [reason for reason in Attention if reason != Attention.DISPUTED]
        for number, reason in enumerate(reasons, 1):
            for copy in range(number):
                order(number * 100 + copy, attention=[reason])
        order(1, attention=["surplus", "refund_failed"])
        order(2)
        shown = home(admin_client)["needs"]
        counts = {Attention.SURPLUS: 2, Attention.UNDERPAID: 2, Attention.UNCOUNTED: 3, Attention.IN_REVIEW: 4}
        counts |= {Attention.REFUND_FAILED: 6, Attention.QUOTE_MISMATCHED: 6}
        assert {one.need.url.rpartition("=")[2]: one.need.count for one in shown} == counts
        for one in shown:
            assert listed(admin_client, one.need.url) == one.need.count

    def test_are_disputes_with_the_next_deadline_first_and_overdue_in_red(self, admin_client: Client) -> None:
        dispute(order(1), "du_later", "2026-12-01T00:00")
        dispute(order(2), "du_over", "2026-11-25T09:00")
        dispute(order(3), "du_soon", "2026-11-25T14:04", status="warning_needs_response")
        dispute(order(4), "du_whenever", None)
        dispute(order(5), "du_answered", "2026-11-24T09:00", status="under_review")
        [shown] = home(admin_client)["needs"]
        assert (shown.need.count, shown.is_danger) == (4, True)
        assert [(due.says, due.how_soon.replace("\xa0", " "), due.is_overdue) for due in shown.deadlines] == [
            ("$18.50 of order 2", "overdue by 3 hours", True),
            ("$18.50 of order 3", "in 2 hours", False),
            ("$18.50 of order 1", "in 5 days", False),
        ]
        assert listed(admin_client, shown.need.url) == 4
        page = admin_client.get("/admin/").content.decode()
        assert re.findall(r'class="home-overdue">([^<]*)<', page) == ["overdue by 3\xa0hours"]

    def test_are_refunds_that_wait_for_a_second_person_and_books_that_disagree(self, admin_client: Client) -> None:
        for number, state in enumerate(["waiting", "waiting", "approved"]):
            approval(order(number + 1), state)
        exception("ch_1", kind="ours_without_theirs")
        exception("ch_2", kind="fee_differs", settled=True)
        shown = home(admin_client)["needs"]
        assert [(one.need.count, one.need.sentence) for one in shown] == [
            (2, "refunds wait for a second person"),
            (1, "difference between Stripe's books and ours"),
        ]
        for one in shown:
            assert listed(admin_client, one.need.url) == one.need.count

    def test_a_deadline_that_is_far_does_not_press(self, admin_client: Client) -> None:
        dispute(order(1), "du_1", "2026-12-01T00:00")
        [shown] = home(admin_client)["needs"]
        assert not shown.is_danger

    def test_are_failed_syncs(self, admin_client: Client) -> None:
        discount = DiscountMirror.objects.create(pk=1, installation="i")
        tax = TaxMirror.objects.create(pk=1, installation="i")
        for state in ("failed", "synced"):
            Coupon.objects.create(pk=f"1-1-{state}", mirror=discount, version=1, account="default", state=state)
        for account in ("default", "euro"):
            TaxRate.objects.create(pk=f"1-1-{account}", mirror=tax, version=1, account=account, state="failed")
        assert told(admin_client) == {
            "discount could not be brought to Stripe": 1,
            "taxes could not be brought to Stripe": 2,
        }
        for one in home(admin_client)["needs"]:
            assert listed(admin_client, one.need.url) == one.need.count

    def test_are_calls_that_have_been_open_for_more_than_a_minute(self, admin_client: Client) -> None:
        call("unknown", 61)
        call("requested", 3600)
        call("requested", 59)
        call("failed", 3600)
        [shown] = home(admin_client)["needs"]
        assert (shown.need.count, listed(admin_client, shown.need.url)) == (2, 2)

    def test_are_failed_deliveries_and_quietly_what_waits_or_was_refused(self, admin_client: Client) -> None:
        for number, state in enumerate(["failed", "failed", "waiting", "refused", "handled", "ignored"]):
            delivery(number, state)
        page = home(admin_client)
        [shown] = page["needs"]
        assert (shown.need.count, shown.is_danger) == (2, True)
        assert [quiet.count for quiet in page["quiet"]] == ["1", "1"]
        for one in [shown, *page["quiet"]]:
            assert listed(admin_client, one.need.url) == one.need.count

    def test_may_be_told_by_other_apps_too(self, admin_client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("finance.home.needs.needs", registered := list(needs))

        @finds("orders.view_order")
        def approvals() -> list[Need]:
            return [Need(count=7, sentence="refunds wait for approval", url="/admin/", icon="undo")]

        assert len(registered) == len(needs) + 1
        assert told(admin_client) == {"refunds wait for approval": 7}

    def test_presses_first_what_presses_most(self, admin_client: Client) -> None:
        order(1, attention=["surplus"])
        delivery(1, "failed")
        assert [one.is_danger for one in home(admin_client)["needs"]] == [True, False]

    @pytest.mark.parametrize(
        ("permissions", "sentences"),
        [
            (["view_order"], ["order received more money than is due"]),
            (["view_delivery"], ["delivery of Stripe's could not be handled"]),
            (["view_dispute"], []),
            (["view_dispute", "view_order"], ["dispute waits for evidence", "order received more money than is due"]),
            (["view_stripecall"], ["call to Stripe has no outcome yet, for more than a minute"]),
            ([], []),
        ],
    )
    def test_is_told_to_those_who_may_see_it(self, permissions: list[str], sentences: list[str]) -> None:
        dispute(order(1, attention=["surplus"]), "du_1", "2026-11-25T13:00")
        delivery(1, "failed")
        call("unknown", 100)
        assert list(told(staff(*permissions))) == sentences


class TestTheFigures:
    def test_are_of_one_currency_and_mode_and_the_days_asked_for(self, admin_client: Client) -> None:
        summary("2026-11-25", paid=3, paid_amount=5000, refunded_amount=700, disputed_amount=100)
        summary("2026-11-19", paid=1, paid_amount=1000)
        summary("2026-11-18", paid=1, paid_amount=77)
        summary("2026-11-26", paid=1, paid_amount=55)
        summary("2026-11-25", account="other", paid=1, paid_amount=20)
        summary("2026-11-25", currency="jpy", paid=1, paid_amount=300)
        summary("2026-11-25", livemode=True, paid_amount=999999)
        figures = home(admin_client, days="7", mode="test", currency="usd")["figures"]
        assert (figures["paid"], figures["refunded"], figures["disputed"]) == ("$60.20", "$7.00", "$1.00")
        rows = figures["rows"]
        assert [rows[0].day, rows[-1].day, len(rows)] == ["19 Nov 2026", "25 Nov 2026", 7]
        assert [rows[0].paid, rows[1].paid, rows[-1].paid] == ["$10.00", "$0.00", "$50.20"]
        assert home(admin_client, days="7", mode="test", currency="jpy")["figures"]["paid"] == "¥300"

    def test_begin_with_live_money_of_the_busiest_currency(self, admin_client: Client) -> None:
        summary("2026-11-25", paid=900)
        summary("2026-11-25", livemode=True, paid=5, currency="eur", paid_amount=100)
        summary("2026-11-25", livemode=True, paid=1, currency="usd")
        figures = home(admin_client)["figures"]
        assert figures["paid"] == "€1.00"
        assert [kind.label for kind in figures["kinds"]] == ["EUR, live", "USD, live", "USD, test"]
        assert [(one.label, one.is_chosen) for one in figures["ranges"]][:2] == [("7 days", False), ("30 days", True)]
        for kind in figures["kinds"]:
            asked = dict(pair.split("=") for pair in kind.query.removeprefix("?").split("&"))
            assert [one.label for one in home(admin_client, **asked)["figures"]["kinds"] if one.is_chosen] == [
                kind.label
            ]

    @pytest.mark.parametrize("asked", [{"days": "10000"}, {"days": "x"}, {"mode": "live"}, {"currency": "<b>"}])
    def test_of_what_there_is_none_are_those_of_the_beginning(
        self, admin_client: Client, asked: dict[str, str]
    ) -> None:
        summary("2026-11-25", paid_amount=5000)
        figures = home(admin_client, **asked)["figures"]
        assert (figures["paid"], len(figures["rows"])) == ("$50.00", 30)

    def test_show_a_day_on_which_a_refund_failed_as_less_than_nothing(self, admin_client: Client) -> None:
        summary("2026-11-25", refunded_amount=-700)
        figures = home(admin_client)["figures"]
        assert (figures["refunded"], figures["rows"][-1].refunded) == ("-$7.00", "-$7.00")
        assert [label.text for label in figures["money_labels"]] == ["$8", "$6", "$4", "$2", "$0"]

    def test_count_the_way_from_draft_to_paid(self, admin_client: Client) -> None:
        summary("2026-11-24", drafted=150, placed=100, paid=50, canceled=4)
        summary("2026-11-25", drafted=50, placed=20, paid=10)
        figures = home(admin_client)["figures"]
        funnel = [(stage.orders, stage.share, stage.rate) for stage in figures["funnel"]]
        assert funnel == [("200", 100, ""), ("120", 60, "60% of drafts"), ("60", 30, "50% of placed orders")]
        assert "4 orders were canceled." in admin_client.get("/admin/").content.decode()

    def test_have_no_rate_of_nothing(self, admin_client: Client) -> None:
        summary("2026-11-25", paid=3)
        assert [stage.rate for stage in home(admin_client)["figures"]["funnel"]] == [
            "",
            "- of drafts",
            "- of placed orders",
        ]

    def test_have_the_median_time_to_pay_over_all_days(self, admin_client: Client) -> None:
        summary("2026-11-23", delays={str(bucket_of(60)): 1})
        summary("2026-11-25", delays={str(bucket_of(600)): 3})
        figures = home(admin_client)["figures"]
        assert figures["time_to_pay"] == figures["rows"][-1].time_to_pay == "10 min"
        assert figures["rows"][-2].time_to_pay == "-"
        assert figures["rows"][-3].time_to_pay == "1 min"

    def test_say_so_when_there_are_none(self, admin_client: Client) -> None:
        page = home(admin_client)
        assert (page["figures"], page["complete_up_to"]) == (None, None)
        assert "Nothing has been counted yet." in admin_client.get("/admin/").content.decode()

    def test_are_drawn_with_a_title_and_as_a_table(self, admin_client: Client) -> None:
        summary("2026-11-25", paid_amount=5000, delays={"4": 1})
        page = admin_client.get("/admin/").content.decode()
        assert page.count('<svg viewBox="0 0 1000 240"') == 2
        for name in re.findall(r'role="img" aria-labelledby="(\S+) (\S+)"', page):
            assert all(f'id="{part}"' in page for part in name)
        assert page.count('<th scope="row">') == 30
        assert page.count("25 Nov 2026: $50.00 paid, $0.00 refunded, $0.00 disputed") == 1

    def test_are_shown_to_those_who_may_see_them(self) -> None:
        summary("2026-11-25", paid_amount=5000)
        assert "figures" not in home(staff("view_order"))
        assert home(staff("view_daysummary"))["figures"]["paid"] == "$50.00"


class TestUpToWhen:
    def write(self, at: str) -> Event:
        with provenance.acting("system:test"):
            append(f"order-{uuid4()}", Head(), [OrderPaid(received=1)], datetime.fromisoformat(at))
        return Event.objects.latest("position")

    def follow_up_to(self, event: Event) -> None:
        place = [event.cluster, event.transaction_id, event.position]
        Follower.objects.update_or_create(pk="finance.books", defaults={"cursor": place})

    def test_is_now_when_all_is_counted(self, admin_client: Client) -> None:
        self.follow_up_to(self.write("2026-11-25T11:00:00Z"))
        assert home(admin_client)["complete_up_to"].isoformat() == "2026-11-25T12:03:10+00:00"
        assert "12:03:10 UTC, 25 November 2026" in admin_client.get("/admin/").content.decode()

    def test_is_the_first_event_that_is_not_counted_yet(self, admin_client: Client) -> None:
        self.follow_up_to(self.write("2026-11-25T11:00:00Z"))
        self.write("2026-11-25T11:30:00Z")
        self.write("2026-11-25T11:40:00Z")
        assert home(admin_client)["complete_up_to"].isoformat() == "2026-11-25T11:30:00+00:00"

    def test_goes_on_behind_what_another_cluster_wrote(self, admin_client: Client) -> None:
        event = self.write("2026-11-25T11:00:00Z")
        self.follow_up_to(Event(cluster=1, transaction_id=9**15, position=event.position))
        self.write("2026-11-25T11:30:00Z")
        assert home(admin_client)["complete_up_to"].isoformat() == "2026-11-25T11:30:00+00:00"


class TestItsCost:
    def test_is_the_same_for_many_rows(self, admin_client: Client) -> None:
        def ask() -> int:
            with CaptureQueriesContext(connection) as captured:
                admin_client.get("/admin/", {"days": "365"})
            return len(captured)

        dispute(order(1, attention=["surplus"]), "du_1", "2026-11-26T00:00")
        summary("2026-11-25", paid_amount=1)
        ask()
        few = ask()
        for number in range(2, 30):
            dispute(order(number, attention=["surplus"]), f"du_{number}", "2026-11-26T00:00")
            summary(f"2026-10-{number:02}", paid_amount=1)
        assert ask() == few

    def test_is_no_scan_of_a_long_table(self, admin_client: Client) -> None:
        """With sequential scans discouraged, the planner takes one only where no index serves."""
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")
        with CaptureQueriesContext(connection) as captured:
            admin_client.get("/admin/")
        asked = [query["sql"] for query in captured if re.search('FROM "(orders|webhooks|core)_', query["sql"])]
        asked += [query["sql"] for query in captured if 'FROM "billing_stripecall"' in query["sql"]]
        assert len(asked) >= 5
        for sql in asked:
            with connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN {sql}")
                plan = "\n".join(line for (line,) in cursor.fetchall())
            assert "Seq Scan" not in plan, plan


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, "-"),
        (0.4, "0 s"),
        (59.6, "1 min"),
        (252, "4 min 12 s"),
        (3 * 3600 + 299, "3 h 4 min"),
        (12 * 3600 + 299, "12 h"),
        (700, "11 min"),
        (2 * 86400 + 4 * 3600, "2 d 4 h"),
    ],
)
def test_times_are_said_in_their_two_greatest_units(seconds: float | None, words: str) -> None:
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("amount", "currency", "words"),
    [
        (0, "usd", "$0"),
        (50, "usd", "$0.50"),
        (-50000, "usd", "-$500"),
        (250000, "usd", "$2.5K"),
        (500, "jpy", "¥500"),
        (200000000, "jpy", "¥200M"),
        (50000, "isk", "ISK\xa0500"),
    ],
)
def test_an_axis_is_short(amount: int, currency: str, words: str) -> None:
    assert axis_money(amount, currency) == words
