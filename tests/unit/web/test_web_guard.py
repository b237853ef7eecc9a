"""Each rule by itself: the request is right but for one thing."""

import pytest
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

ADDRESSES = ["/", "/static/page.js", "/api/fail", "/static/../secret.txt", "/nothing"]
ORIGIN = {"origin": "http://127.0.0.1:8000"}


@pytest.mark.parametrize("address", ADDRESSES)
def test_nothing_is_served_without_the_token(app, address: str) -> None:
    client = TestClient(app, base_url="http://127.0.0.1:8000")
    response = client.get(address)
    assert response.status_code == 403
    assert "token" in response.json()["error"]
    assert "set-cookie" not in response.headers


@pytest.mark.parametrize("address", ADDRESSES)
def test_nothing_is_served_to_another_host(client, address: str) -> None:
    assert client.get(address, headers={"host": "evil.example"}).status_code == 403


@pytest.mark.parametrize("address", ADDRESSES)
def test_nothing_is_served_to_another_origin(client, address: str) -> None:
    assert client.get(address, headers={"origin": "http://evil.example"}).status_code == 403


def test_a_change_from_another_origin_is_refused(client) -> None:
    assert client.post("/api/echo", json={"a": 1}, headers=ORIGIN).json() == {"a": 1}
    assert client.post("/api/echo", json={"a": 1}).status_code == 403
    other = {"origin": "http://evil.example"}
    assert client.post("/api/echo", json={"a": 1}, headers=other).status_code == 403


def test_a_wrong_token_gets_no_cookie(app) -> None:
    client = TestClient(app, base_url="http://127.0.0.1:8000")
    response = client.get("/", params={"token": "wrong"})
    assert response.status_code == 403
    assert "set-cookie" not in response.headers


def test_a_wrong_token_is_refused_beside_a_right_cookie(client) -> None:
    assert client.get("/", params={"token": "wrong"}).status_code == 403


def test_the_cookie_is_for_this_site_and_not_for_scripts(app, access) -> None:
    client = TestClient(app, base_url="http://127.0.0.1:8000")
    cookie = client.get("/", params={"token": access.token}).headers["set-cookie"]
    assert cookie.startswith(f"{access.cookie}={access.token};")
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert "Domain" not in cookie


@pytest.mark.parametrize("address", ["/", "/static/page.js", "/api/fail", "/nothing"])
def test_every_answer_has_the_headers(client, address: str) -> None:
    headers = client.get(address).headers
    policy = dict(rule.split(" ", 1) for rule in headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == "'none'"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["cache-control"] == "no-store"


def test_there_are_no_web_sockets(client) -> None:
    with pytest.raises(WebSocketDisconnect), client.websocket_connect("/api/echo"):
        pass
