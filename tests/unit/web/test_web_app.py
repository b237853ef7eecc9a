import pytest

ORIGIN = {"origin": "http://127.0.0.1:8000"}


def test_the_page_and_its_files_are_served(client) -> None:
    assert "page" in client.get("/").text
    assert client.get("/static/page.js").status_code == 200


@pytest.mark.parametrize("name", ["api.js", "base.css", "icon.svg"])
def test_what_all_pages_share_is_served(client, name: str) -> None:
    assert client.get(f"/static/{name}").status_code == 200


@pytest.mark.parametrize(
    "path",
    ["../secret.txt", "%2e%2e/secret.txt", "..%2fsecret.txt", "..%5csecret.txt", "/etc/passwd"],
)
def test_no_other_file_is_served(client, path: str) -> None:
    response = client.get(f"/static/{path}")
    assert response.status_code == 404
    assert "secret" not in response.text


def test_a_link_out_of_the_folder_is_not_followed(client, tmp_path) -> None:
    (tmp_path / "static" / "link.txt").symlink_to(tmp_path / "secret.txt")
    assert client.get("/static/link.txt").status_code == 404


def test_errors_are_sentences_in_json(client) -> None:
    response = client.get("/api/fail")
    assert response.status_code == 400
    assert response.json() == {"error": "port: expected one, got none"}


def test_contradictions_name_the_lines(client) -> None:
    response = client.get("/api/contradict")
    assert response.status_code == 409
    assert response.json()["lines"] == [1, 3]


@pytest.mark.parametrize("body", ["{", "[1]", '{"a": "text"}', ""])
def test_a_damaged_request_is_refused(client, body: str) -> None:
    headers = ORIGIN | {"content-type": "application/json"}
    response = client.post("/api/echo", content=body, headers=headers)
    assert response.status_code == 400
    assert "request" in response.json()["error"]


def test_a_request_of_another_type_is_refused(client) -> None:
    """A form of another site can send text, and no JSON."""
    headers = ORIGIN | {"content-type": "text/plain"}
    assert client.post("/api/echo", content='{"a": 1}', headers=headers).status_code == 415


def test_a_large_request_is_refused(client) -> None:
    content = {str(k): k for k in range(20_000)}
    assert client.post("/api/echo", json=content, headers=ORIGIN).status_code == 413


def test_an_address_takes_only_its_method(client) -> None:
    assert client.get("/api/echo").status_code == 405
    assert client.post("/api/fail", headers=ORIGIN).status_code == 405
