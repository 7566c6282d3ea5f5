"""Checkpoints find what chains and rows can't tell: somebody who rewrote both."""

from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from pytest_django.fixtures import Settings

from core.eventlog.checkpoints import checkpoint_hash, make_checkpoint
from core.models import Checkpoint, Event
from core.tests.attacks import (
    OURS,
    behind_the_back,
    change_an_amount,
    cover_up,
    cut_the_tail,
    forge,
    remove_it_all,
    settle,
    signed_orders,
    swap_places,
)
from core.tests.streams import draft_order
from core.tests.test_eventlog import run
from orders.models import Item, Order

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def signing_key(settings: Settings) -> None:
    settings.AUDIT_SIGNING_KEY = OURS


@pytest.fixture
def orders(mug: Item) -> list[Order]:
    orders = signed_orders(mug)
    assert run("audit", "verify") == (0, [])
    return orders


def the_finding() -> dict[str, Any]:
    code, [finding] = run("audit", "verify")
    assert code == 1
    return finding


def about(event: Event) -> dict[str, Any]:
    return {"stream": event.stream, "version": event.version, "position": event.position, "kind": event.kind}


NOTHING = {"stream": None, "version": None, "position": None, "kind": None}


@pytest.mark.django_db(transaction=True)
class TestTheEventsThatWereSignedFor:
    def test_are_named_when_an_amount_was_changed(self, orders: list[Order]) -> None:
        """By the chain, which stops there; the digests that were signed are untouched."""
        change_an_amount(orders[2])
        finding = the_finding()
        assert finding.pop("detail")
        event = Event.objects.get(stream=orders[2].stream, version=2)
        assert finding == {"finding": "altered"} | about(event)

    def test_are_named_when_the_chain_was_rewritten_to_fit(self, orders: list[Order]) -> None:
        change_an_amount(orders[2])
        cover_up(orders[2])
        finding = the_finding()
        assert finding.pop("detail").startswith("6 events were signed for, 6 are there")
        event = Event.objects.get(stream=orders[2].stream, version=2)
        assert finding == {"finding": "altered", "checkpoint": 2} | about(event)

    def test_are_missed_when_a_tail_was_cut_and_the_head_adjusted(self, orders: list[Order]) -> None:
        cut_the_tail(orders[2])
        finding = the_finding()
        following = Event.objects.get(stream=orders[3].stream, version=1)
        assert finding.pop("detail") == (
            "6 events were signed for, 5 are there; the first one that is gone stood before position "
            f"{following.position} ({following})"
        )
        assert finding == {"finding": "removed", "checkpoint": 2} | NOTHING

    def test_are_missed_at_the_end_of_a_range_too(self, orders: list[Order]) -> None:
        cut_the_tail(orders[3])
        finding = the_finding()
        assert finding.pop("detail").endswith("at the end of its range")
        assert finding == {"finding": "removed", "checkpoint": 2} | NOTHING

    @pytest.mark.parametrize("index", [0, 3, 5])
    def test_are_missed_when_a_stream_was_removed_with_its_rows(self, orders: list[Order], index: int) -> None:
        remove_it_all(orders[index])
        finding = the_finding()
        assert "6 events were signed for, 3 are there" in finding.pop("detail")
        assert finding == {"finding": "removed", "checkpoint": index // 2 + 1} | NOTHING

    def test_are_missed_when_all_of_one_checkpoint_are_gone(self, orders: list[Order]) -> None:
        remove_it_all(orders[2])
        remove_it_all(orders[3])
        finding = the_finding()
        assert (finding["finding"], finding["checkpoint"]) == ("removed", 2)
        assert "0 are there" in finding["detail"]

    def test_are_found_when_two_of_a_stream_were_swapped(self, orders: list[Order]) -> None:
        stream = orders[2].stream
        swap_places(Event.objects.get(stream=stream, version=2), Event.objects.get(stream=stream, version=3))
        code, [in_chain, in_checkpoint] = run("audit", "verify")
        assert (code, in_chain["finding"], in_chain["stream"], in_chain["version"]) == (1, "inserted", stream, 2)
        assert in_checkpoint.pop("detail")
        event = Event.objects.get(stream=stream, version=3)
        assert in_checkpoint == {"finding": "moved", "checkpoint": 2} | about(event)

    def test_are_found_when_two_were_swapped_and_the_chain_rewritten(self, orders: list[Order]) -> None:
        stream = orders[2].stream
        swap_places(Event.objects.get(stream=stream, version=2), Event.objects.get(stream=stream, version=3))
        for old, new in ((2, 9), (3, 2), (9, 3)):
            behind_the_back("UPDATE core_event SET version = %s WHERE stream = %s AND version = %s", new, stream, old)
        cover_up(orders[2])
        finding = the_finding()
        assert finding.pop("detail")
        assert finding == {"finding": "altered", "checkpoint": 2} | about(Event.objects.get(stream=stream, version=2))

    def test_are_found_when_two_of_different_streams_were_swapped(self, orders: list[Order]) -> None:
        """No chain is broken by that."""
        swap_places(
            Event.objects.get(stream=orders[2].stream, version=3), Event.objects.get(stream=orders[3].stream, version=1)
        )
        finding = the_finding()
        assert finding.pop("detail")
        moved = Event.objects.get(stream=orders[3].stream, version=1)
        assert finding == {"finding": "moved", "checkpoint": 2} | about(moved)

    def test_do_not_take_a_stranger(self, orders: list[Order], mug: Item) -> None:
        """A whole stream that is in order, dated back among those that were signed for."""
        forged = draft_order(mug).root
        signed = Event.objects.get(stream=orders[2].stream, version=3)
        behind_the_back(
            "UPDATE core_event SET transaction_id = %s WHERE stream = %s", signed.transaction_id, forged.stream
        )
        finding = the_finding()
        assert finding.pop("detail").startswith("6 events were signed for, 8 are there")
        stranger = Event.objects.get(stream=forged.stream, version=1)
        assert finding == {"finding": "inserted", "checkpoint": 2} | about(stranger)

    def test_stay_in_their_transactions(self, orders: list[Order]) -> None:
        """The order is the same, so nothing can be named."""
        behind_the_back(
            "UPDATE core_event SET transaction_id = transaction_id - 1 WHERE stream = %s",
            orders[5].stream,
        )
        finding = the_finding()
        assert finding.pop("detail")
        assert finding == {"finding": "altered", "checkpoint": 3} | NOTHING

    def test_may_have_come_from_another_cluster(self, mug: Item) -> None:
        """As after a restore: one checkpoint signs for the end of the old cluster and the beginning of this one."""
        orders = [draft_order(mug, canceled=True).root for _ in range(2)]
        behind_the_back("UPDATE core_event SET cluster = 1, transaction_id = 2 ^ 40 + position")
        orders += [draft_order(mug, canceled=True).root for _ in range(2)]
        settle()
        make_checkpoint()
        assert run("audit", "verify") == (0, [])
        cut_the_tail(orders[1])
        assert the_finding()["finding"] == "removed"


CHANGES = {
    "previous": "sha256('x')",
    "after": "ARRAY[after[1], after[2], after[3] + 1]",
    "to": 'ARRAY["to"[1], "to"[2], "to"[3] + 1]',
    "count": "count + 1",
    "root": "sha256('x')",
    "marks": "set_byte(marks, 5, (get_byte(marks, 5) + 1) %% 256)",
    "made_at": "made_at + interval '1 microsecond'",
    "public_key": "sha256('x')",
    "signature": "set_byte(signature, 5, (get_byte(signature, 5) + 1) %% 256)",
}


@pytest.mark.django_db(transaction=True)
class TestTheCheckpointsThemselves:
    @pytest.mark.parametrize("number", [2, 3])
    @pytest.mark.parametrize("column", [field.name for field in Checkpoint._meta.concrete_fields])
    def test_are_named_when_a_column_was_changed(self, orders: list[Order], column: str, number: int) -> None:
        if column == "number":
            behind_the_back("UPDATE core_checkpoint SET number = 7 WHERE number = %s", number)
            code, findings = run("audit", "verify")
            assert code == 1
            assert {"finding": "checkpoint_altered", "checkpoint": 7}.items() <= findings[-1].items()
            return
        statement = f'UPDATE core_checkpoint SET "{column}" = {CHANGES[column]} WHERE number = %s'  # noqa: S608 constants
        behind_the_back(statement, number)
        finding = the_finding()
        assert finding.pop("detail")
        assert finding == {"finding": "checkpoint_altered", "checkpoint": number} | NOTHING

    @pytest.mark.parametrize("length", [0, 31, 33])
    def test_are_named_when_the_key_is_none(self, orders: list[Order], length: int) -> None:
        behind_the_back("UPDATE core_checkpoint SET public_key = %s WHERE number = 2", b"x" * length)
        assert the_finding()["finding"] == "checkpoint_altered"

    def test_are_named_when_somebody_else_signed_one(self, orders: list[Order]) -> None:
        forge(Checkpoint.objects.get(number=2))
        finding = the_finding()
        assert (finding["finding"], finding["checkpoint"]) == ("checkpoint_altered", 2)

    def test_are_named_when_somebody_else_signed_all(self, orders: list[Order]) -> None:
        change_an_amount(orders[2])
        cover_up(orders[2])
        previous = b""
        for checkpoint in Checkpoint.objects.order_by("number"):
            forge(checkpoint, previous=previous or bytes(checkpoint.previous))
            previous = checkpoint_hash(checkpoint)
        code, findings = run("audit", "verify")
        assert code == 1
        assert [(finding["finding"], finding["checkpoint"]) for finding in findings] == [
            ("checkpoint_unvouched", number) for number in (1, 2, 3)
        ]

    def test_are_missed_in_the_middle(self, orders: list[Order]) -> None:
        behind_the_back("DELETE FROM core_checkpoint WHERE number = 2")
        finding = the_finding()
        assert finding.pop("detail")
        assert finding == {"finding": "checkpoint_removed", "checkpoint": 2} | NOTHING

    def test_are_missed_at_the_beginning(self, orders: list[Order]) -> None:
        behind_the_back("DELETE FROM core_checkpoint WHERE number < 3")
        finding = the_finding()
        assert (finding["finding"], finding["checkpoint"]) == ("checkpoint_removed", 1)

    def test_still_sign_for_their_events_when_one_is_missing(self, orders: list[Order]) -> None:
        behind_the_back("DELETE FROM core_checkpoint WHERE number = 2")
        cut_the_tail(orders[4])
        _, findings = run("audit", "verify")
        assert [(finding["finding"], finding["checkpoint"]) for finding in findings] == [
            ("checkpoint_removed", 2),
            ("removed", 3),
        ]

    @pytest.mark.parametrize("attack", [cut_the_tail, remove_it_all])
    def test_are_not_missed_at_the_end(self, orders: list[Order], attack: Callable[[Order], None]) -> None:
        """What the database alone can't tell: the log line of checkpoint 3, outside, is the witness."""
        attack(orders[4])
        behind_the_back("DELETE FROM core_checkpoint WHERE number = 3")
        assert run("audit", "verify") == (0, [])

    def test_say_how_far_they_reach(self, orders: list[Order], mug: Item) -> None:
        draft_order(mug)
        said = StringIO()
        call_command("audit", "verify", stdout=StringIO(), stderr=said)
        last = checkpoint_hash(Checkpoint.objects.get(number=3)).hex()
        assert said.getvalue() == f"audit: the log is whole; signed for up to checkpoint 3, {last}; 2 events since\n"

    def test_may_not_exist_yet(self, mug: Item) -> None:
        draft_order(mug)
        said = StringIO()
        call_command("audit", "verify", stdout=StringIO(), stderr=said)
        assert said.getvalue() == "audit: the log is whole; no checkpoint signs for it\n"
