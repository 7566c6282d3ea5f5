"""Mails are handed over once or, where nobody can know, twice; whatever dies, refuses or runs beside."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.core.management import call_command
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone
from freezegun import freeze_time
from structlog.testing import capture_logs

from core.eventlog import following
from core.models import Event
from orders.mails.outbox import outbox
from orders.mails.sending import PAUSES, claim_due_mail, send_due_mails, send_mail, warn_that_mail_is_off
from orders.models import Contact, Item, Mail
from orders.tests.mail_servers import BadCertificate, Killed, MailServer, mail_server
from orders.tests.mailing import post_round, told
from orders.tests.shopping import buy, deliver_all
from tests.simulated import SimulatedStripe

pytestmark = pytest.mark.django_db(transaction=True)

IN_MEMORY = {"default": {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}}
TYPED = "ann.other@shop.example"


@pytest.fixture
def heard(shopper: Client, mug: Item, stripe_side: SimulatedStripe) -> None:
    """An order was paid, and nobody has followed the log since."""
    following.follow(outbox)
    stripe_side.pay(buy(shopper, mug)["url"], email=TYPED)
    deliver_all(shopper, stripe_side)


@pytest.fixture
def noticed(heard: None) -> Mail:
    following.follow(outbox)
    return Mail.objects.get()


class TestWhoeverFollowsAndSends:
    def test_sends_it_once_however_many_they_are(self, heard: None) -> None:
        def run(_: int) -> int:
            try:
                return post_round()
            finally:
                connection.close()

        with ThreadPoolExecutor(4) as pool:
            assert sum(pool.map(run, range(4))) == 1
        assert len(told()) == 1

    def test_does_not_wait_for_a_mail_that_another_holds(self, noticed: Mail) -> None:
        Mail.objects.create(
            id="later", order_id=noticed.order_id, kind="paid", made_at=timezone.now(), try_at=timezone.now()
        )

        def claim() -> Mail | None:
            try:
                with connection.cursor() as cursor:
                    cursor.execute("SET lock_timeout = '1s'")
                return claim_due_mail()
            finally:
                connection.close()

        with transaction.atomic(), ThreadPoolExecutor(1) as pool:
            Mail.objects.select_for_update().get(pk=noticed.pk)
            claimed = pool.submit(claim).result()
        assert claimed
        assert claimed.pk == "later"

    def test_was_killed_after_sending_it_is_sent_again_and_known_for_a_repeat(
        self, noticed: Mail, settings: Any
    ) -> None:
        """On record once: nobody can know whether the first one arrived."""
        settings.MAILERS = {"default": {"BACKEND": "orders.tests.mail_servers.KilledAfterSending"}}
        with pytest.raises(Killed):
            send_due_mails()
        assert not Event.objects.filter(kind="order.mail_sent").exists()
        settings.MAILERS = IN_MEMORY
        assert send_due_mails() == 0
        with freeze_time(timezone.now() + PAUSES[0] + timedelta(seconds=1)):
            assert send_due_mails() == 1
            assert send_due_mails() == 0
        first, second = (sent.message()["Message-ID"] for sent in mail.outbox)
        assert first == second
        assert Event.objects.filter(kind="order.mail_sent").count() == 1

    def test_two_who_sent_it_at_once_put_it_on_record_once(self, noticed: Mail) -> None:
        send_mail(noticed)
        send_mail(noticed)
        assert Event.objects.filter(kind="order.mail_sent").count() == 1

    def test_a_rebuild_writes_to_nobody_again(self, noticed: Mail) -> None:
        assert send_due_mails() == 1
        call_command("projections", "--rebuild", verbosity=0)
        assert send_due_mails() == 0
        Mail.objects.all().delete()
        call_command("projections", "--rebuild", verbosity=0)
        assert send_due_mails() == 0
        assert len(told()) == 1

    def test_a_shopper_who_was_forgotten_hears_nothing(self, noticed: Mail) -> None:
        claimed = claim_due_mail()
        assert claimed
        Contact.objects.all().delete()
        assert not send_mail(claimed)
        assert told() == []


class TestAServer:
    @pytest.fixture
    def server(self, settings: Any) -> Iterator[MailServer]:
        with mail_server() as server:
            settings.MAILERS = server.mailers
            yield server

    def test_is_given_the_mail_for_one_reader(self, noticed: Mail, server: MailServer) -> None:
        assert send_due_mails() == 1
        [taken] = server.taken
        assert f"To: {TYPED}".encode() in taken

    def test_that_refuses_the_reader_is_asked_again_later_and_at_last_given_up(
        self, noticed: Mail, server: MailServer
    ) -> None:
        server.answers = {"RCPT": f"550 no such user {TYPED}"}
        moment = timezone.now()
        with capture_logs() as lines:
            for pause in (timedelta(), *PAUSES):
                moment += pause + timedelta(seconds=1)
                with freeze_time(moment):
                    assert send_due_mails() == send_due_mails() == 0
        row = Mail.objects.get()
        assert (row.state, row.error, row.attempts) == ("given_up", "SMTPRecipientsRefused 550", len(PAUSES) + 1)
        assert [line["reason"] for line in lines if line["event"] == "mail.refused"] == [row.error] * row.attempts
        assert "ann.other" not in str(lines)

    def test_that_can_not_be_reached_costs_the_others_no_attempt(self, noticed: Mail, server: MailServer) -> None:
        server.answers = {"MAIL": "421 busy"}
        Mail.objects.create(
            id="later", order_id=noticed.order_id, kind="paid", made_at=timezone.now(), try_at=timezone.now()
        )
        assert send_due_mails() == 0
        assert sorted(Mail.objects.values_list("attempts", flat=True)) == [0, 1]

    def test_whose_certificate_is_bad_costs_the_others_no_attempt(self, noticed: Mail, settings: Any) -> None:
        """Its error is a ValueError, as that of an address which can't be written."""
        settings.MAILERS = {"default": {"BACKEND": f"{BadCertificate.__module__}.BadCertificate"}}
        Mail.objects.create(
            id="other", order_id=noticed.order_id, kind="paid", made_at=noticed.made_at, try_at=noticed.made_at
        )
        assert send_due_mails() == 0
        assert sorted(Mail.objects.values_list("attempts", flat=True)) == [0, 1]

    def test_that_is_well_again_is_given_what_waited(self, noticed: Mail, server: MailServer) -> None:
        server.answers = {"DATA": "451 try later"}
        assert send_due_mails() == 0
        assert Mail.objects.get().error == "SMTPDataError 451"
        server.answers = {}
        with freeze_time(timezone.now() + PAUSES[0]):
            assert send_due_mails() == 1
        assert (Mail.objects.get().state, Mail.objects.get().error) == ("sent", "")


class TestWithoutAMailer:
    @pytest.fixture(autouse=True)
    def _off(self, settings: Any) -> None:
        settings.MAILERS = {}

    def test_nothing_is_kept_for_later(self, heard: None, settings: Any) -> None:
        assert post_round() == 0
        settings.MAILERS = IN_MEMORY
        assert post_round() == 0
        assert not Mail.objects.exists()

    def test_a_process_says_so_when_it_starts(self) -> None:
        with capture_logs() as lines:
            warn_that_mail_is_off()
        assert [line["event"] for line in lines] == ["mail.off"]
