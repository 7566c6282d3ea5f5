"""A Russian shopper's pages: all that the shop says is Russian, amounts and dates are written as they are there."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client
from freezegun import freeze_time

from billing.models import Tax
from core.eventlog import provenance
from orders.models import Item, Order
from orders.tests.shopping import buy, deliver_all
from tests.simulated import SimulatedStripe
from tests.test_admin_in_russian import Visible

pytestmark = pytest.mark.django_db(transaction=True)

RUSSIAN = {"accept": "text/html", "accept-language": "ru-RU,ru;q=0.9,en;q=0.5"}
# Ours, Stripe's, and what is not translated since it is data: the item and its tax.
STAYS = re.compile(r"Countersign|Stripe|JavaScript|JSON|English|Enamel|mug|Holds|ml|VAT|UTC|cookie|USD|EUR")
# What scripts say: attributes of the forms.
SPOKEN = re.compile(r"""(?:data-(?:opening|unreachable|paying|failed)|aria-label)=["']([^"']*)["']""")


def english_in(content: str) -> set[str]:
    parser = Visible()
    parser.feed(content)
    texts = [*parser.texts, *SPOKEN.findall(content)]
    words = {word for text in texts for word in re.findall(r"[A-Za-z]{2,}", text)}
    return {word for word in words if not STAYS.fullmatch(word)}


def page(client: Client, address: str, *, status: int = 200) -> str:
    answer = client.get(address, headers=RUSSIAN)
    assert answer.status_code == status, answer
    content = answer.content.decode()
    assert '<html lang="ru"' in content
    assert {"Accept-Language", "Cookie"} <= set(re.split(", ?", answer["Vary"]))
    assert answer["Content-Language"] == "ru"
    return content


@pytest.fixture
def taxed(mug: Item) -> Item:
    with provenance.acting("staff:1"):
        mug.taxes.add(Tax.objects.create(name="VAT", percentage="20", inclusive=True))
    return mug


class TestEveryPage:
    def test_before_there_is_an_order(self, client: Client, taxed: Item) -> None:
        shown = [page(client, address) for address in ("/", f"/item/{taxed.pk}", "/basket")]
        shown.append(page(client, "/nowhere", status=404))
        client.post("/basket/items", {"item": taxed.pk, "quantity": 2})
        shown += [page(client, "/basket"), page(client, f"/item/{taxed.pk}")]
        refused = client.post("/basket/discount", {"code": "NOPE"}, headers=RUSSIAN)
        shown.append(refused.content.decode())
        assert [english_in(content) for content in shown] == [set()] * len(shown)
        assert "18,50\xa0$" in shown[0]
        assert "VAT 20\xa0%, включён в цену" in shown[1]

    def test_of_an_order(self, client: Client, mug: Item, stripe_side: SimulatedStripe) -> None:
        client.get(f"/item/{mug.pk}")
        order_id = buy(client, mug)["order_id"]
        order = Order.objects.get(pk=order_id)
        addresses = [f"/order/{order_id}", f"/order/{order_id}?returned=1", f"/order/{order_id}/pay"]
        shown = [page(client, address) for address in addresses]
        stripe_side.pay(order.checkouts.get().url, card="4000000000009995")
        deliver_all(client, stripe_side)
        shown.append(page(client, f"/order/{order_id}"))
        stripe_side.pay(order.checkouts.get().url)
        deliver_all(client, stripe_side)
        shown.append(page(client, f"/order/{order_id}"))
        charge = next(one["id"] for one in stripe_side.objects("charge") if one["paid"])
        stripe_side.refund(charge, amount=500)
        stripe_side.dispute(charge, amount=700)
        deliver_all(client, stripe_side)
        shown.append(page(client, f"/order/{order_id}"))
        assert [english_in(content) for content in shown] == [set()] * len(shown)
        for said, content in zip(
            [
                "Ещё не оплачен",
                "Подтверждаем вашу оплату",
                "Загружаем",
                "не хватило денег",
                "Спасибо!",
                "вернули из них",
            ],
            shown,
            strict=True,
        ):
            assert said in content
        assert "5,00\xa0$" in shown[-1]

    def test_of_a_refusal_in_json_keeps_its_code(self, client: Client) -> None:
        answer = client.get("/buy/999999", headers={"accept-language": "ru"})
        error = answer.json()["error"]
        assert error["code"] == "not_found"
        assert english_in(error["message"]) == set()


class TestTheOrder:
    def test_is_paid_at_stripe_in_the_language_it_was_ordered_in(
        self, client: Client, mug: Item, stripe_side: SimulatedStripe
    ) -> None:
        client.get(f"/item/{mug.pk}")
        client.get(f"/buy/{mug.pk}", headers={"accept-language": "ru"})
        assert Order.objects.get().language == "ru"
        assert [session["locale"] for session in stripe_side.objects("checkout.session")] == ["ru"]
        assert 'data-locale="ru"' in client.get(f"/order/{Order.objects.get().pk}/pay").content.decode()

    @pytest.mark.parametrize(
        ("language", "cookie", "written"),
        [
            ("ru", "", "25 ноября 2026\u202fг., 21:30 UTC"),  # noqa: RUF001 it is Cyrillic
            ("ru", "Asia%2FTokyo", "26 ноября 2026\u202fг., 06:30"),  # noqa: RUF001 as above
            ("en-GB", "", "25 November 2026, 21:30 UTC"),
            ("en", "Europe%2FBerlin", "November 25, 2026, 10:30\u202fPM"),
            ("de", "", "November 25, 2026, 9:30\u202fPM UTC"),
        ],
    )
    def test_was_placed_at_a_time_of_its_shopper(
        self, client: Client, mug: Item, stripe_side: SimulatedStripe, language: str, cookie: str, written: str
    ) -> None:
        with freeze_time("2026-11-25T21:30:00Z", tick=True):
            client.get(f"/item/{mug.pk}")
            order_id = buy(client, mug)["order_id"]
            client.cookies["time_zone"] = cookie
            shown = client.get(f"/order/{order_id}", headers={"accept": "text/html", "accept-language": language})
        assert f">{written}</time>" in shown.content.decode()
        assert '<time datetime="2026-11-25T21:30:' in shown.content.decode()


class TestTheSwitch:
    def choose(self, client: Client, language: str, address: str) -> None:
        answer = client.post("/language", {"language": language, "next": address})
        assert (answer.status_code, answer["Location"]) == (302, address)

    def test_is_on_every_page_and_leads_back_to_it(self, client: Client, mug: Item) -> None:
        content = client.get(f"/item/{mug.pk}?a=1").content.decode()
        assert f'name="next" value="/item/{mug.pk}?a=1"' in content
        assert 'name="language" value="ru" lang="ru">Русский' in content
        assert 'name="language" value="en" lang="en" aria-current="true">English' in content

    def test_of_an_answer_to_a_form_leads_to_a_page_that_can_be_read(self, client: Client, mug: Item) -> None:
        refused = client.post("/basket/discount", {"code": "NOPE"}, headers={"accept": "text/html"})
        assert 'name="next" value="/basket"' in refused.content.decode()

    def test_beats_the_browsers_language_and_is_kept(self, client: Client, mug: Item) -> None:
        self.choose(client, "ru", f"/item/{mug.pk}")
        cookie = client.cookies[settings.LANGUAGE_COOKIE_NAME]
        assert (cookie["path"], cookie["max-age"]) == ("/", 365 * 24 * 3600)
        content = client.get(f"/item/{mug.pk}", headers={"accept-language": "en-US"}).content.decode()
        assert '<html lang="ru"' in content
        assert "18,50\xa0$" in content

    @pytest.mark.parametrize(
        ("asked", "price"), [("de,en-GB;q=0.5", "US$18.50"), ("de", "$18.50"), ("en-GB,ru;q=0.5", "US$18.50")]
    )
    def test_keeps_the_browsers_region_of_the_chosen_language(
        self, client: Client, mug: Item, asked: str, price: str
    ) -> None:
        self.choose(client, "en", f"/item/{mug.pk}")
        content = client.get(f"/item/{mug.pk}", headers={"accept-language": asked}).content.decode()
        assert f'<p class="price">{price}</p>' in content

    @pytest.mark.parametrize("chosen", ["xx", "de", "../ru", "r" * 4000])
    def test_to_what_we_do_not_speak_changes_nothing(self, client: Client, mug: Item, chosen: str) -> None:
        client.cookies[settings.LANGUAGE_COOKIE_NAME] = chosen
        content = client.get(f"/item/{mug.pk}", headers={"accept-language": "ru"}).content.decode()
        assert '<html lang="ru"' in content


def test_no_script_of_the_shop_holds_a_sentence() -> None:
    for script in Path(settings.BASE_DIR, "orders/static/orders").glob("*.js"):
        code = "\n".join(line.split("//")[0] for line in script.read_text().splitlines())
        assert not re.findall(r'"[A-Z][a-z]+ [a-z ]+', code), script.name
