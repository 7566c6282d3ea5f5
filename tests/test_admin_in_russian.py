"""A Russian reader's desk: whatever our own pages say is said in Russian."""

import re
from html.parser import HTMLParser

import pytest
from django.test import Client

from orders.models import Item, Order
from orders.tests.shopping import buy, deliver_all
from tests.simulated import SimulatedStripe

pytestmark = pytest.mark.django_db(transaction=True)

# Stripe's names, names of ours, what is typed in, codes of currencies, types of events, and names of columns that no
# page of finance's shows first.
STAYS = re.compile(
    r"[a-z]+_\S*|\S*[0-9/_.@:%]\S*|Countersign|Stripe|PaymentIntent|Checkout|Session|Charge|Dashboard|Enamel|mug|admin|"
    r"UTC|USD|EUR|usd|eur|JPY|GBP|default|euro|id|English|en|ru|CSV|XLSX|API|Ctrl|Shift|Esc|demo|order|staff|shopper|"
    r"enter|cmd|ctrl|alt|shift|esc|x|by"
)


class Visible(HTMLParser):
    """The texts of a page's main part: not of scripts and styles, nor the names of icons."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._hidden: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        classes = dict(attrs).get("class") or ""
        is_hidden = self._hidden or tag in {"script", "style", "code", "pre"} or "material-symbols" in classes
        if is_hidden and tag not in {"input", "img", "br", "meta", "link", "hr"}:
            self._hidden.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self._hidden:
            self._hidden.pop()

    def handle_data(self, data: str) -> None:
        if not self._hidden and data.strip():
            self.texts.append(" ".join(data.split()))


def english_on(client: Client, address: str) -> set[str]:
    page = client.get(address, headers={"accept-language": "ru"})
    assert page.status_code == 200, page
    content = page.content.decode()
    parser = Visible()
    parser.feed(content[content.index("<body") :])
    words = {word.strip("«».,;:()-…") for text in parser.texts for word in re.split(r"[\s ]+", text)}
    return {word for word in words if re.search(r"[A-Za-z]{2}", word) and not STAYS.fullmatch(word)}


@pytest.fixture
def paid(client: Client, mug: Item, stripe_side: SimulatedStripe) -> Order:
    client.get(f"/item/{mug.pk}")
    order = Order.objects.get(pk=buy(client, mug)["order_id"])
    stripe_side.pay(order.checkouts.get().url)
    deliver_all(client, stripe_side)
    return order


@pytest.mark.parametrize(
    "address",
    [
        "/admin/",
        "/admin/orders/order/",
        "/admin/orders/order/{order}/change/",
        "/admin/orders/order/{order}/refund/",
        "/admin/finance/ledgerline/",
        "/admin/finance/month/",
        "/admin/finance/reconciliation/",
        "/admin/finance/reconciliationexception/",
        "/admin/finance/payout/",
    ],
)
def test_every_word_of_a_page_is_russian(admin_client: Client, paid: Order, address: str) -> None:
    assert english_on(admin_client, address.format(order=paid.pk)) == set()
