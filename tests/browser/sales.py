"""Orders in every state that their page tells apart, each come to as in life: bought, paid at Stripe, heard of."""

from collections.abc import Callable, Mapping

import requests

from tests.browser.pages import DECLINED
from tests.shop import Row, Shop, Shopper, wait_for
from tests.simulated import TIMEOUT

MUG, COOKBOOK, SHEEPSKIN = 1, 7, 8  # of `manage.py demo`; the last two are taxed
FILLING = {MUG: 2, COOKBOOK: 1, SHEEPSKIN: 1}
PATIENCE_SECONDS = 20


class Sale:
    """One shopper's basket, which becomes an order, and what happens to it then."""

    def __init__(self, shop: Shop, items: Mapping[int, int] = FILLING, code: str = "spring15") -> None:
        self.shop = shop
        self.shopper = Shopper(shop)
        for item, quantity in items.items():
            self.post("/basket/items", item=item, quantity=quantity)
        if code:
            self.post("/basket/discount", code=code)

    @property
    def cookie(self) -> str:
        return str(self.shopper.cookies["shopper_id"])

    @property
    def order_id(self) -> int:
        """Of the basket, and of the order that it becomes."""
        return int(self.shopper.read("/basket")["id"])

    def check_out(self) -> "Sale":
        self.number = self.order_id
        self.session = self.post("/basket/checkout")
        return self

    def pay(self, **form: str) -> "Sale":
        self.shop.stripe.pay(self.session["url"], **form)
        return self

    def post(self, path: str, **fields: object) -> Row:
        headers = {"Accept": "application/json", "X-CSRFToken": str(self.shopper.cookies["csrftoken"])}
        answer = self.shopper.post(f"{self.shop.url}{path}", json=fields, headers=headers, timeout=TIMEOUT)
        answered: Row = answer.json()
        return answered

    def wait(self, **fields: object) -> None:
        """Until the order's JSON says so."""
        self.wait_for("", fields)

    def wait_for(self, path: str, fields: Row) -> None:
        address = f"/order/{self.number}{path}"
        wait_for(lambda: fields.items() <= self.shopper.read(address).items(), seconds=PATIENCE_SECONDS)

    def wait_payment(self, progress: str) -> None:
        self.wait_for("/status", {"payment": progress})

    def charge(self) -> str:
        wait_for(lambda: charge_of(self.shop, self.number), seconds=PATIENCE_SECONDS)
        return charge_of(self.shop, self.number)


def charge_of(shop: Shop, order_id: int) -> str:
    """Its id; empty as long as no charge is known."""
    charges = shop.sql("SELECT charge FROM orders_payment WHERE order_id = %s AND source = 'charge'", order_id)
    return str(charges[0]["charge"]) if charges else ""


def processing(sale: Sale) -> None:
    sale.pay(**{"async": "1"}).wait_payment("processing")


def failed(sale: Sale) -> None:
    expired(sale.pay(card=DECLINED))
    sale.wait_payment("failed")


def expired(sale: Sale) -> None:
    sale.shop.stripe.in_dashboard("POST", f"/v1/checkout/sessions/{sale.session['session_id']}/expire")
    closed = "SELECT 1 FROM orders_checkout WHERE order_id = %s AND state = 'expired'"
    wait_for(lambda: sale.shop.sql(closed, sale.number), seconds=PATIENCE_SECONDS)


def canceled(sale: Sale) -> None:
    who = "provenance.acting('staff:1')"
    how = f"cancel_order(order_id={sale.number}, reason='requested_by_customer')"
    code = (
        f"from orders.services.canceling import cancel_order\nfrom core.eventlog import provenance\nwith {who}: {how}"
    )
    sale.shop.manage("shell", "--no-imports", "-c", code).check_returncode()
    sale.wait(state="canceled")


def paid(sale: Sale) -> None:
    sale.pay().wait(state="paid")


def partly_refunded(sale: Sale) -> None:
    sale.shop.stripe.refund(sale.pay().charge(), amount=2450)
    sale.wait(state="partially_refunded")


def refunded(sale: Sale) -> None:
    sale.shop.stripe.refund(sale.pay().charge())
    sale.wait(state="refunded")


def refund_on_its_way(sale: Sale) -> None:
    charge = sale.pay().charge()
    sale.shop.stripe.begin_refunds("pending")
    sale.shop.stripe.refund(charge, amount=2450)
    pending = "SELECT 1 FROM orders_refund WHERE order_id = %s AND status = 'pending'"
    wait_for(lambda: sale.shop.sql(pending, sale.number), seconds=PATIENCE_SECONDS)


def refund_failed(sale: Sale) -> None:
    refund = sale.shop.stripe.refund(sale.pay().charge())
    sale.wait(state="refunded")
    sale.shop.stripe.move("refunds", refund, status="failed", failure_reason="lost_or_stolen_card")
    wait_for(lambda: "refund_failed" in attention_of(sale), seconds=PATIENCE_SECONDS)


def given_back(sale: Sale) -> None:
    underpaid(sale)
    sale.shop.stripe.refund(sale.charge())
    sale.wait(refunded=1000)


def disputed(sale: Sale) -> None:
    sale.shop.stripe.dispute(sale.pay().charge())
    sale.wait(dispute_state="open")


def dispute_lost(sale: Sale) -> None:
    dispute = sale.shop.stripe.dispute(sale.pay().charge())
    sale.shop.stripe.move("disputes", dispute, status="lost")
    sale.wait(dispute_state="lost")


def dispute_won(sale: Sale) -> None:
    dispute = sale.shop.stripe.dispute(sale.pay().charge())
    sale.shop.stripe.move("disputes", dispute, status="won")
    sale.wait(dispute_state="won")


def in_review(sale: Sale) -> None:
    review = {"charge": sale.pay().charge()}
    requests.post(f"{sale.shop.stripe.base}/_sim/reviews", json=review, timeout=TIMEOUT).raise_for_status()
    wait_for(lambda: "in_review" in attention_of(sale), seconds=PATIENCE_SECONDS)


def surplus(sale: Sale) -> None:
    sale.shop.stripe.distort(sale.session["session_id"], amount=20000)
    sale.pay().wait(state="paid", received=20000)


def underpaid(sale: Sale) -> None:
    sale.shop.stripe.distort(sale.session["session_id"], amount=1000)
    sale.pay().wait(received=1000)


def attention_of(sale: Sale) -> list[str]:
    [order] = sale.shop.sql("SELECT attention FROM orders_order WHERE id = %s", sale.number)
    attention: list[str] = order["attention"]
    return attention


# What happens to an order once its checkout is open.
HAPPENINGS: Mapping[str, Callable[[Sale], None]] = {
    "processing": processing,
    "failed": failed,
    "expired": expired,
    "canceled": canceled,
    "paid": paid,
    "partly refunded": partly_refunded,
    "refunded": refunded,
    "refund on its way": refund_on_its_way,
    "refund failed": refund_failed,
    "disputed": disputed,
    "dispute won": dispute_won,
    "dispute lost": dispute_lost,
    "in review": in_review,
    "surplus": surplus,
    "underpaid": underpaid,
    "given back": given_back,
}


def quote_mismatched(shop: Shop) -> Sale:
    """Stripe would have charged another amount: nobody was sent there."""
    shop.stripe.shift_totals("subtotal", 500)
    sale = Sale(shop).check_out()
    assert attention_of(sale) == ["quote_mismatched"], sale.session
    return sale
