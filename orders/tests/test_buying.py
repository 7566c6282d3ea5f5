import pytest
from django.test import Client

from orders.models import Item, Order


@pytest.mark.django_db(transaction=True)
def test_smoke(client: Client) -> None:
    item = Item.objects.create(name="Mug", price=1500, currency="usd")
    page = client.get(f"/item/{item.pk}")
    assert page.status_code == 200
    answer = client.get(f"/buy/{item.pk}")
    assert answer.status_code == 200, answer.content
    print(answer.json())
    again = client.get(f"/buy/{item.pk}")
    assert again.json() == answer.json()
    order = client.get(f"/order/{answer.json()['order_id']}", headers={"accept": "application/json"})
    print(order.json())
