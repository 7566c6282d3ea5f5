"""Whose request it is, where it came through proxies of ours."""

from collections.abc import Callable, Iterable
from ipaddress import ip_address

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from core.configuration import Network


class ClientAddressMiddleware:
    """`REMOTE_ADDR` becomes the visitor's: limits and the lockout of sign-ins count by it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "")
        if forwarded and settings.TRUSTED_PROXIES:
            request.META["REMOTE_ADDR"] = client_address(
                request.META["REMOTE_ADDR"], forwarded, settings.TRUSTED_PROXIES
            )
        return self.get_response(request)


def client_address(remote: str, forwarded: str, proxies: Iterable[Network]) -> str:
    """The last address that is no proxy's: each proxy adds whom it was asked by at the end of X-Forwarded-For, and what
    stands before that anybody may have invented.

    Source: developer.mozilla.org/docs/Web/HTTP/Reference/Headers/X-Forwarded-For, "Selecting an IP address".
    """
    address = remote
    for hop in reversed(forwarded.split(",")):
        if not is_in(address, proxies):
            break
        try:
            address = str(ip_address(hop.strip()))
        except ValueError:
            break  # a proxy that hides whom it was asked by
    return address


def is_in(address: str, networks: Iterable[Network]) -> bool:
    try:
        return any(ip_address(address) in network for network in networks)
    except ValueError:
        return False  # of a Unix socket there is none
