"""No test reaches beyond this machine."""

import socket

import pytest
from pytest_socket import SocketConnectBlockedError


@pytest.mark.filterwarnings("ignore:A test tried to use")  # pytest-socket warns before it refuses
def test_a_connection_beyond_the_loopback_is_refused() -> None:
    # 192.0.2.0/24 is nobody's: RFC 5737.
    with pytest.raises(SocketConnectBlockedError), socket.create_connection(("192.0.2.1", 80), timeout=1):
        pass
