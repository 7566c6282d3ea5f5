"""The visitor's address, behind proxies of ours and of nobody's."""

from ipaddress import ip_network

import pytest
from django.conf import LazySettings
from django.test import Client

from core.proxies import client_address
from orders.models import Item
from tests.simulated import SimulatedStripe

PROXIES = (ip_network("10.0.0.0/8"), ip_network("fd00::1"))


@pytest.mark.parametrize(
    ("remote", "forwarded", "address"),
    [
        ("10.0.0.1", "203.0.113.7", "203.0.113.7"),
        ("fd00::1", "2001:db8::7, 10.9.9.9", "2001:db8::7"),
        ("10.0.0.1", "198.51.100.1, 203.0.113.7", "203.0.113.7"),  # the first is the visitor's own invention
        ("203.0.113.7", "198.51.100.1", "203.0.113.7"),  # no proxy of ours was in between
        ("10.0.0.1", "unknown", "10.0.0.1"),
        ("10.0.0.1", "10.0.0.2", "10.0.0.2"),
        ("", "203.0.113.7", ""),
    ],
)
def test_the_last_address_that_is_no_proxys_counts(remote: str, forwarded: str, address: str) -> None:
    assert client_address(remote, forwarded, PROXIES) == address


@pytest.mark.django_db(transaction=True)
def test_one_visitor_does_not_lock_out_the_others(
    mug: Item, stripe_side: SimulatedStripe, settings: LazySettings
) -> None:
    settings.TRUSTED_PROXIES, settings.CHECKOUTS_PER_ADDRESS = (ip_network("127.0.0.1"),), 1

    def buy(address: str) -> int:
        return Client(headers={"x-forwarded-for": address}).get(f"/buy/{mug.pk}").status_code

    assert [buy("203.0.113.7"), buy("203.0.113.7"), buy("203.0.113.8")] == [200, 429, 200]
    settings.TRUSTED_PROXIES = ()
    assert [buy("203.0.113.9"), buy("203.0.113.10")] == [200, 429]
