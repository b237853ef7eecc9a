import pytest

from murid.web.access import Access

OWN = "127.0.0.1:8000"


def refuse(access: Access, method="GET", host=OWN, origin=None, token=None) -> str | None:
    given = access.token if token is None else token
    return access.find_reason_to_refuse(method, host, origin, given)


def test_tokens_are_long_and_never_the_same() -> None:
    assert len(Access().token) >= 43
    assert Access().token != Access().token
    assert Access().cookie != Access().cookie


def test_the_token_is_not_shown() -> None:
    access = Access()
    assert access.token not in repr(access)


@pytest.mark.parametrize("host", [OWN, "localhost:9000", "[::1]:8000", "127.0.0.5"])
def test_own_hosts_are_let_in_at_any_port(host: str) -> None:
    """A tunnel may end at another port than that of the server."""
    assert refuse(Access(), host=host) is None


@pytest.mark.parametrize(
    "host",
    [None, "evil.example", "evil.example:8000", "127.0.0.1.evil.example", "192.168.1.7", "["],
)
def test_other_hosts_are_refused(host: str | None) -> None:
    assert "host" in str(refuse(Access(), host=host))


def test_a_host_that_was_asked_for_is_let_in() -> None:
    assert refuse(Access("lab-server"), host="lab-server:80") is None
    assert refuse(Access("0.0.0.0"), host="192.168.1.7:80") is None
    assert refuse(Access("0.0.0.0"), host="evil.example:80") is not None


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "http://127.0.0.1:9999", "null", "http://localhost:8000"]
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_other_origins_are_refused(origin: str, method: str) -> None:
    assert "origin" in str(refuse(Access(), method=method, origin=origin))


def test_a_change_needs_an_origin() -> None:
    assert "origin" in str(refuse(Access(), method="POST"))
    assert refuse(Access(), method="POST", origin=f"http://{OWN}") is None


@pytest.mark.parametrize("token", ["", "wrong", "ünïcode"])
def test_another_token_is_refused(token: str) -> None:
    assert "token" in str(refuse(Access(), token=token))


def test_no_token_is_refused() -> None:
    assert "token" in str(Access().find_reason_to_refuse("GET", OWN, None, None))
