import socket

import pytest

from murid.errors import ConfigError
from murid.web.access import Access
from murid.web.server import format_address, open_socket


def test_the_page_is_on_this_computer_only() -> None:
    with open_socket("127.0.0.1", 0) as listener:
        access = Access()
        host, port = listener.getsockname()
        assert host == "127.0.0.1"
        assert format_address(listener, access) == f"http://127.0.0.1:{port}/?token={access.token}"


def test_a_taken_port_is_an_error() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(ConfigError, match=f"port: expected one that is free.*{port}"):
            open_socket("127.0.0.1", port)


@pytest.mark.parametrize("port", [-1, 70_000])
def test_a_port_that_there_is_not_is_an_error(port: int) -> None:
    with pytest.raises(ConfigError, match="port"):
        open_socket("127.0.0.1", port)


def test_connections_wait_until_the_server_accepts_them() -> None:
    with open_socket("127.0.0.1", 0) as listener:
        socket.create_connection(listener.getsockname(), timeout=5).close()
