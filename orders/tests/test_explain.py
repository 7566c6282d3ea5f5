"""`manage.py explain`: an order's story, told as the admin tells it."""

import re
from io import StringIO

import pytest
from django.core.management import call_command
from django.test import Client

from core.tests.streams import draft_order
from orders.management.commands.explain import Command, columns
from orders.models import Item, Order
from orders.timeline import SENTENCES, tell
from tests.simulated import SimulatedStripe, post_event
from webhooks.models import Delivery

pytestmark = pytest.mark.django_db(transaction=True)


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


def deliver_all(client: Client, stripe_side: SimulatedStripe) -> None:
    known = set(Delivery.objects.values_list("event_id", flat=True))
    for event in stripe_side.objects("event"):
        if event["id"] not in known:
            assert post_event(client, event).status_code == 200


def charge_of(stripe_side: SimulatedStripe) -> str:
    return str(stripe_side.objects("charge")[-1]["id"])


@pytest.fixture
def paid(shopper: Client, mug: Item, stripe_side: SimulatedStripe) -> Order:
    """With the second card: the first one was declined."""
    bought = shopper.get(f"/buy/{mug.pk}").json()
    stripe_side.pay(bought["url"], card="4000000000000002")
    stripe_side.pay(bought["url"])
    deliver_all(shopper, stripe_side)
    return Order.objects.get()


def explained(order: Order, out: StringIO | None = None) -> list[str]:
    out = out or StringIO()
    call_command("explain", str(order.pk), stdout=out)
    return out.getvalue().splitlines()


def story(order: Order) -> list[str]:
    """The sentences alone, without the first line."""
    return [re.sub(r"^\S+ \S+  (.*) \[.*\]$", r"\1", line) for line in explained(order)[1:]]


class TestTheFirstLine:
    def test_says_of_a_draft_that_nobody_has_checked_out(self, mug: Item) -> None:
        order = draft_order(mug).root
        assert explained(order)[0] == (
            f"Order {order.pk} is a draft, since nobody has gone to the checkout with it yet: "
            "$0.00 due, $0.00 received. Nobody needs to look at it."
        )

    def test_says_of_a_disputed_order_what_is_wanted_until_when(
        self, paid: Order, client: Client, stripe_side: SimulatedStripe
    ) -> None:
        stripe_side.refund(charge_of(stripe_side), amount=500)
        stripe_side.dispute(charge_of(stripe_side), amount=1350, reason="product_not_received")
        deliver_all(client, stripe_side)
        due_by = paid.disputes.get().due_by
        assert due_by is not None
        assert explained(paid)[0] == (
            f"Order {paid.pk} is partially refunded, since some of its money was given back: "
            "$18.50 due, $18.50 received, $5.00 given back, $13.50 left. "
            "The shopper's bank wants $13.50 back (product not received): "
            f"evidence is due by {due_by.day} {due_by:%B %Y}, 23:59 UTC. "
            "A person should look: the shopper's bank wants the money back; evidence is due."
        )

    def test_says_that_too_much_came_in(self, client: Client, mug: Item, stripe_side: SimulatedStripe) -> None:
        client.get(f"/item/{mug.pk}")
        bought = client.get(f"/buy/{mug.pk}").json()
        stripe_side.distort(bought["session_id"], amount=2000)
        stripe_side.pay(bought["url"])
        deliver_all(client, stripe_side)
        line = explained(Order.objects.get())[0]
        assert "$18.50 due, $20.00 received, $1.50 too much." in line
        assert line.endswith("A person should look: more money came in than is due.")


class TestTheStory:
    def test_tells_when_what_who_and_why(self, paid: Order) -> None:
        told = next(line for line in explained(paid) if "The order is paid" in line)
        cause = Delivery.objects.get(type="charge.succeeded").event_id
        assert re.fullmatch(
            r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d  The order is paid: \$18\.50 received "
            rf"\[by Stripe \(default\), because of {cause}\]",
            told,
        )

    def test_tells_of_the_declined_card_and_of_what_changed_nothing(self, paid: Order) -> None:
        told = story(paid)
        assert "A payment of $18.50 failed (generic_decline), says its Charge" in told
        assert "payment_intent.payment_failed changed nothing: the charge's own events tell it better" in told

    def test_tells_of_a_refund_that_fails_after_it_succeeded(
        self, paid: Order, client: Client, stripe_side: SimulatedStripe
    ) -> None:
        refund = stripe_side.refund(charge_of(stripe_side))
        deliver_all(client, stripe_side)
        stripe_side.move("refunds", refund, status="failed", failure_reason="lost_or_stolen_card")
        deliver_all(client, stripe_side)
        told = [sentence for sentence in story(paid) if "refund" in sentence or "counts" in sentence]
        assert [sentence for sentence in told if "delivered" not in sentence] == [
            "A refund of $18.50 succeeded",
            "The order is refunded in full: $18.50 given back",
            "charge.refunded changed nothing: the refund's own events tell it better",
            "A refund of $18.50 failed (lost or stolen card): the money is back here",
            "A person should look: a refund did not reach the shopper",
            "The order counts as paid in full again: $0.00 given back, $18.50 left",
            "charge.refund.updated changed nothing: it told nothing new",
            "refund.failed changed nothing: it told nothing new",
        ]

    def test_tells_of_a_dispute_and_of_a_review_to_their_ends(
        self, paid: Order, client: Client, stripe_side: SimulatedStripe
    ) -> None:
        stripe_side._control("POST", "/_sim/reviews", {"charge": charge_of(stripe_side)})
        dispute = stripe_side.dispute(charge_of(stripe_side), status="warning_needs_response")
        deliver_all(client, stripe_side)
        for status in ("needs_response", "under_review", "lost"):
            stripe_side.move("disputes", dispute, status=status)
            deliver_all(client, stripe_side)
        stripe_side.move("reviews", paid.reviews.get().review_id, closed_reason="disputed")
        deliver_all(client, stripe_side)
        told = [sentence for sentence in story(paid) if re.search("bank|dispute |review ", sentence)]
        assert [re.sub(r"by \d+ \w+ \d{4}", "by day", sentence) for sentence in told] == [
            "A payment was put up for review at Stripe (by a rule)",
            "The shopper's bank asks about $18.50 (fraudulent), which may become a dispute: answer by day, 23:59 UTC",
            "A person should look: the shopper's bank wants the money back; evidence is due",
            "The shopper's bank wants $18.50 back (fraudulent): evidence is due by day, 23:59 UTC",
            "The shopper's bank looks at our evidence in the dispute over $18.50",
            "The dispute over $18.50 was lost: the money is the shopper's",
            "No longer a reason to look: the shopper's bank wants the money back; evidence is due",
            "The review at Stripe is over: disputed",
        ]

    def test_tells_of_a_delivery_of_another_session(
        self, paid: Order, client: Client, stripe_side: SimulatedStripe
    ) -> None:
        event = stripe_side.event("checkout.session.completed")
        stranger = event | {"id": "evt_stranger", "data": {"object": event["data"]["object"] | {"id": "cs_stranger"}}}
        post_event(client, stranger)
        assert story(paid)[-2:] == [
            "Stripe delivered checkout.session.completed, which was not acted on",
            "checkout.session.completed changed nothing: it is about another Session than the one that was opened",
        ]

    def test_tells_of_a_delivery_that_waited_for_its_payment_to_be_known(
        self, client: Client, mug: Item, stripe_side: SimulatedStripe
    ) -> None:
        client.get(f"/item/{mug.pk}")
        stripe_side.pay(client.get(f"/buy/{mug.pk}").json()["url"])
        stripe_side.refund(charge_of(stripe_side), amount=500)
        post_event(client, stripe_side.event("refund.created"))
        post_event(client, stripe_side.event("charge.succeeded"))
        told = story(Order.objects.get())
        assert told.index("A refund of $5.00 succeeded") > told.index("The order is paid: $18.50 received")
        assert any(sentence.startswith("Stripe delivered refund.created") for sentence in told)


class TestASentence:
    @pytest.mark.parametrize("kind", sorted({key.partition(" ")[0] for key in SENTENCES}))
    def test_of_an_event_that_lacks_all_data_can_be_read(self, kind: str) -> None:
        assert tell(kind, {}, "usd")

    @pytest.mark.parametrize("key", [key for key in SENTENCES if "updated " in key])
    def test_leaves_out_what_is_empty(self, key: str) -> None:
        kind, _, status = key.partition(" ")
        data = {"amount": 500, "currency": "eur", "status": status, "is_open": status != "False"}
        empty = dict.fromkeys(["reason", "failure_code", "failure_reason"], "") | {"due_by": None}
        said = tell(kind, {**data, **empty, "source": "charge"}, "usd")
        assert not re.search(r"[\[\]{}?]|\(\)|: *$|None", said)

    def test_of_a_status_that_stripe_has_added_names_it(self) -> None:
        data = {"amount": 500, "currency": "eur", "status": "in_arbitration"}
        assert tell("order.dispute_updated", data, "usd") == "The dispute over €5.00 is in arbitration"

    def test_of_a_mismatch_has_each_amount_in_its_own_currency(self) -> None:
        data = {"currency": "eur", "quoted_total": 1850, "stripe_total": 1700}
        assert tell("order.quote_mismatched", data, "usd").startswith("Stripe would have charged €17.00, not $18.50")


class TestTheTerminal:
    @pytest.mark.parametrize("width", [100, 40])
    def test_gets_lines_that_fit(self, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("COLUMNS", str(width))
        kettle = Item.objects.create(name="南部鉄器の急須" * 9, price=16500, currency="jpy")
        lines = explained(draft_order(kettle).root, Terminal())
        assert max(sum(map(columns, line)) for line in lines) <= width
        assert any(line.startswith(" " * 20) and "鉄" in line for line in lines)
        assert "".join(lines).replace(" ", "").count("南部鉄器の急須") == 9

    def test_is_not_steered_by_what_an_item_is_called(self) -> None:
        bell = Item.objects.create(name="Bell \x1b[31m\u202eno\n", price=100, currency="usd")
        lines = explained(draft_order(bell).root)
        assert "2 x Bell \ufffd[31m\ufffdno\ufffd at $1.00" in lines[2]

    def test_alone_gets_broken_lines(self, mug: Item) -> None:
        order = draft_order(mug).root
        assert len(explained(order)[0]) > 100
        assert len(explained(order)) == 1 + 2


class TestWhoAsksWrongly:
    def test_for_an_order_that_is_none_gets_one_line_and_1(self, capsys: pytest.CaptureFixture[str]) -> None:
        for number in ("999", "99999999999999999999"):
            with pytest.raises(SystemExit) as ended:
                call_command("explain", number)
            assert ended.value.code == 1
            assert capsys.readouterr() == ("", f"explain: there is no order {number}\n")

    @pytest.mark.parametrize("arguments", [[], ["mug"], ["1", "2"]])
    def test_in_wrong_words_gets_the_usage_and_2(
        self, arguments: list[str], capsys: pytest.CaptureFixture[str]
    ) -> None:
        with pytest.raises(SystemExit) as ended:
            Command().run_from_argv(["manage.py", "explain", *arguments])
        assert ended.value.code == 2
        assert "usage: manage.py explain" in capsys.readouterr().err
