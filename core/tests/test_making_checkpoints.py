"""Checkpoints are made one after another, signed by the key that the settings hold, and nobody's but that."""

import json
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from itertools import chain
from threading import Barrier

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection
from pytest_django.fixtures import Settings
from structlog.testing import capture_logs

from core.configuration import AuditKey, ConfigurationError, read_configuration
from core.eventlog.checkpoints import (
    UntrustedCheckpointError,
    checkpoint_hash,
    events_behind,
    make_checkpoint,
    statement_bytes,
)
from core.eventlog.tail import cursor_of, read_settled
from core.models import Checkpoint
from core.tasks import checkpoint_log
from core.tests.attacks import OURS, THEIRS, behind_the_back, forge, public_key, settle, signed_orders
from core.tests.streams import draft_order
from core.tests.test_configuration import PRODUCTION
from core.tests.test_eventlog import run
from core.tests.test_merkle import naive_root
from core.tests.test_tail import SlowTransaction
from orders.models import Item, Order


@pytest.fixture(autouse=True)
def signing_key(settings: Settings) -> None:
    settings.AUDIT_SIGNING_KEY = OURS


@pytest.fixture
def orders(mug: Item) -> list[Order]:
    orders = signed_orders(mug)
    assert run("audit", "verify") == (0, [])
    return orders


@pytest.mark.django_db(transaction=True)
class TestMakingACheckpoint:
    def test_signs_for_what_came_since_the_last_one(self, orders: list[Order]) -> None:
        first, second, third = Checkpoint.objects.order_by("number")
        assert [first.number, second.number, third.number] == [1, 2, 3]
        assert [first.count, second.count, third.count] == [6, 6, 6]
        assert (first.after, second.after, third.after) == ([], first.to, second.to)
        assert bytes(third.previous) == checkpoint_hash(second)

    def test_says_in_canonical_json_what_it_signs(self, orders: list[Order]) -> None:
        checkpoint = Checkpoint.objects.get(number=2)
        digests = [event.digest for event in chain.from_iterable(events_behind(checkpoint.after))][:6]
        assert statement_bytes(checkpoint).decode() == (
            f'{{"after":{json.dumps(checkpoint.after, separators=(",", ":"))},"count":6,'
            f'"made_at":"{checkpoint.made_at.isoformat(timespec="microseconds")}",'
            f'"marks":"{sha256(b"".join(digest[:4] for digest in digests)).hexdigest()}","number":2,'
            f'"previous":"{bytes(checkpoint.previous).hex()}","public_key":"{public_key(OURS).hex()}",'
            f'"root":"{naive_root(digests).hex()}","to":{json.dumps(checkpoint.to, separators=(",", ":"))}}}'
        )

    def test_leaves_a_line_that_proves_by_itself_what_was_signed(self, mug: Item) -> None:
        draft_order(mug)
        settle()
        with capture_logs() as logs:
            make_checkpoint()
        [line] = [dict(line) for line in logs if line["event"] == "audit.checkpoint_made"]
        key, signature, hashed = line["public_key"], bytes.fromhex(line.pop("signature")), line.pop("hash")
        statement = {name: value for name, value in line.items() if name not in {"event", "log_level"}}
        signed = json.dumps(statement, sort_keys=True, separators=(",", ":")).encode()
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(key)).verify(signature, signed)
        assert hashed == sha256(signed).hexdigest() == checkpoint_hash(Checkpoint.objects.get()).hex()

    def test_is_not_done_for_nothing(self, orders: list[Order]) -> None:
        assert make_checkpoint() is None
        assert run("audit", "checkpoint") == (0, [])
        assert Checkpoint.objects.count() == 3

    def test_of_an_empty_log_is_not_done(self, db: None) -> None:
        assert make_checkpoint() is None

    def test_leaves_what_is_not_settled_to_the_next_one(self, mug: Item) -> None:
        draft_order(mug)
        settle()
        slow = SlowTransaction("order-2000000000")
        draft_order(mug)
        first = make_checkpoint()
        slow.commit()
        settle()
        second = make_checkpoint()
        assert first
        assert second
        assert (first.count, second.count) == (2, 3)

    def test_is_done_once_by_many_at_once(self, mug: Item) -> None:
        draft_order(mug)
        settle()
        together = Barrier(4)

        def make() -> Checkpoint | None:
            try:
                together.wait(10)
                return make_checkpoint()
            finally:
                connection.close()

        with ThreadPoolExecutor(4) as pool:
            made = [future.result() for future in [pool.submit(make) for _ in range(4)]]
        assert len([checkpoint for checkpoint in made if checkpoint]) == 1
        assert Checkpoint.objects.count() == 1

    def test_reads_the_log_in_pieces(self, orders: list[Order]) -> None:
        pieces = list(events_behind([], batch=4))
        assert len(pieces) > 1
        assert list(map(cursor_of, chain(*pieces))) == list(map(cursor_of, read_settled(None, 100)))

    @pytest.mark.parametrize("statement", ["UPDATE core_checkpoint SET count = 0", "DELETE FROM core_checkpoint"])
    def test_is_all_that_the_database_allows(self, orders: list[Order], statement: str) -> None:
        with pytest.raises(DatabaseError, match="append-only"), connection.cursor() as cursor:
            cursor.execute(statement)


@pytest.mark.django_db(transaction=True)
class TestTheKey:
    def test_is_needed_to_make_a_checkpoint(self, settings: Settings) -> None:
        settings.AUDIT_SIGNING_KEY = None
        with pytest.raises(CommandError, match=r"^AUDIT_SIGNING_KEY is not set; .*$"):
            call_command("audit", "checkpoint")

    def test_is_missed_every_hour_without_harm(self, settings: Settings, mug: Item) -> None:
        settings.AUDIT_SIGNING_KEY = None
        draft_order(mug)
        with capture_logs() as logs:
            checkpoint_log(0)
        assert [line["event"] for line in logs] == ["audit.no_checkpoint"]
        assert not Checkpoint.objects.exists()

    def test_is_used_every_hour(self, mug: Item) -> None:
        draft_order(mug)
        settle()
        checkpoint_log(0)
        assert Checkpoint.objects.get().count == 2

    def test_that_is_new_takes_over_when_it_names_the_old_one(self, settings: Settings, orders: list[Order]) -> None:
        settings.AUDIT_SIGNING_KEY = THEIRS
        with pytest.raises(UntrustedCheckpointError):
            make_checkpoint()
        assert run("audit", "verify")[1][0]["finding"] == "checkpoint_unvouched"
        settings.AUDIT_SIGNING_KEY = AuditKey(seed=THEIRS.seed, replaced=(public_key(OURS),))
        assert run("audit", "verify") == (0, [])
        handed_over = make_checkpoint()
        assert handed_over
        assert (handed_over.number, handed_over.count, handed_over.after) == (4, 0, handed_over.to)
        assert make_checkpoint() is None
        settings.AUDIT_SIGNING_KEY = THEIRS
        assert run("audit", "verify") == (0, [])

    def test_does_not_sign_behind_a_forged_checkpoint(self, orders: list[Order]) -> None:
        forge(Checkpoint.objects.get(number=3), count=5)
        with pytest.raises(UntrustedCheckpointError, match="checkpoint 3 is not signed by a key"):
            make_checkpoint()

    def test_does_not_sign_behind_an_altered_checkpoint(self, orders: list[Order]) -> None:
        behind_the_back("UPDATE core_checkpoint SET count = 5 WHERE number = 3")
        with pytest.raises(UntrustedCheckpointError):
            make_checkpoint()

    def test_is_read_with_those_that_it_replaced(self) -> None:
        seed, old = b64encode(b"s" * 32).decode(), public_key(OURS)
        read = read_configuration(PRODUCTION | {"AUDIT_SIGNING_KEY": f"{seed}, {old.hex()}"}).audit_key
        assert read == AuditKey(seed=b"s" * 32, replaced=(old,))
        assert "sss" not in repr(read)

    @pytest.mark.parametrize(
        "value",
        ["", "nonsense", "c2hvcnQ=", "c2VlZHNlZWRzZWVkc2VlZHNlZWRzZWVkc2VlZHNlZWQ=,", "x" * 44, "é" * 32, "ab" * 32],
    )
    def test_is_refused_when_it_is_malformed_or_missing(self, value: str) -> None:
        with pytest.raises(ConfigurationError) as refused:
            read_configuration(PRODUCTION | {"AUDIT_SIGNING_KEY": value})
        assert refused.value.setting == "AUDIT_SIGNING_KEY"
        assert "\n" not in str(refused.value)
