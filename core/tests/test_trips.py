"""Statements that travel together are carried out in their order, with the ORM's, all or none."""

from contextlib import suppress

import pytest
from django.db import DataError, IntegrityError, connection, transaction
from django.db.transaction import TransactionManagementError

from core.pipeline import PREPARED_AT_MOST, Statement
from core.rows import insert_rows
from core.tests.wire import counted_wire
from core.trips import ask, transaction_in_trips, write
from orders.models import Contact, Item

pytestmark = pytest.mark.django_db(transaction=True)

COUNT = Statement("SELECT count(*) FROM orders_item")


class Refused(Exception):
    """What a test wants to be raised."""


def made(name: str) -> Statement:
    return insert_rows([Item(name=name, price=100, currency="usd")])


def names() -> list[str]:
    return list(Item.objects.order_by("pk").values_list("name", flat=True))


def pass_over_a_failure() -> None:
    with transaction_in_trips():
        write(made("mug"))
        with suppress(IntegrityError), transaction.atomic(savepoint=False):
            write(Statement("INSERT INTO orders_item (name) VALUES (%s)", ("cup",)))
            names()


class TestWhatIsWritten:
    def test_outside_of_a_transaction_is_done_at_once(self) -> None:
        write(made("mug"))
        assert names() == ["mug"]

    def test_is_done_before_what_is_asked_next(self) -> None:
        with transaction_in_trips():
            write(made("mug"))
            assert ask(COUNT) == [[(1,)]]

    def test_is_done_before_what_the_orm_does_next(self) -> None:
        with transaction_in_trips():
            write(made("mug"))
            Item.objects.update(name="cup")
            write(made("jug"))
        assert names() == ["cup", "jug"]

    def test_is_gone_when_what_follows_fails(self) -> None:
        with suppress(Refused), transaction_in_trips():
            write(made("mug"))
            ask(COUNT)
            write(made("cup"))
            raise Refused
        assert names() == []

    def test_goes_with_its_savepoint(self) -> None:
        with transaction_in_trips():
            write(made("mug"))
            with suppress(Refused), transaction.atomic():
                write(made("cup"))
                raise Refused
            with transaction.atomic():
                write(made("jug"))
        assert names() == ["mug", "jug"]

    def test_takes_two_trips_with_what_was_asked(self) -> None:
        with counted_wire() as wire:
            wire.count()
            with transaction_in_trips():
                ask(COUNT, COUNT)
                write(made("mug"), made("cup"))
                write(made("jug"))
            assert wire.trips == 2 + 1  # the connection is asked first whether it is still there
        assert names() == ["mug", "cup", "jug"]


class TestARefusal:
    def test_by_a_unique_key_is_said_in_its_statements_words(self) -> None:
        contact = insert_rows([Contact(order_id=1, email="a@shop.example", heard_at="2026-01-01T00:00Z")])
        write(contact)
        with pytest.raises(Refused), transaction_in_trips():
            write(made("mug"), contact._replace(refusal=Refused()), made("cup"))
        with pytest.raises(IntegrityError):
            write(contact)
        assert names() == []

    def test_leaves_a_connection_that_can_be_used(self) -> None:
        for _ in range(5):
            with pytest.raises(IntegrityError):
                write(COUNT, Statement("INSERT INTO orders_item (name) VALUES (%s)", ("mug",)), COUNT)
        assert ask(COUNT) == [[(0,)]]

    def test_of_what_no_text_can_hold_sends_nothing(self) -> None:
        with pytest.raises(DataError), transaction_in_trips():
            write(made("mug"), made("c\0p"))
        kept = connection.connection
        assert (names(), connection.connection) == ([], kept)

    def test_that_nobody_heard_of_keeps_the_rest_from_being_committed(self) -> None:
        with pytest.raises(TransactionManagementError):
            pass_over_a_failure()
        assert names() == []


class TestStatements:
    def test_are_prepared_when_they_come_often_and_not_without_end(self) -> None:
        connection.close()
        for number in range(PREPARED_AT_MOST + 10):
            for _ in range(3):
                ask(Statement(f"SELECT {number}"))
        [[(prepared,)]] = ask(Statement("SELECT count(*) FROM pg_prepared_statements WHERE NOT from_sql"))
        assert prepared == PREPARED_AT_MOST

    def test_are_as_large_and_as_many_as_one_likes(self) -> None:
        """Both sides would wait for each other if nothing was read while there is more to send."""
        text = "x" * 100_000
        found = ask(*[Statement("SELECT %s::text", (text,))] * 100)
        assert found == [[(text,)]] * 100
