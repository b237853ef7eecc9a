import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.testclient import TestClient

from murid.errors import ConfigError, CorrectionError
from murid.web.access import Access
from murid.web.app import make_app, read_json, to_json_response


@pytest.fixture
def access() -> Access:
    return Access()


@pytest.fixture
def app(tmp_path, access):
    static = tmp_path / "static"
    static.mkdir()
    (static / "index.html").write_text("<title>page</title>")
    (static / "page.js").write_text("export {}")
    (tmp_path / "secret.txt").write_text("secret")

    async def fail(_request: Request) -> Response:
        raise ConfigError("port: expected one, got none")

    async def contradict(_request: Request) -> Response:
        raise CorrectionError((1, 3), ["1 (one)", "3 (other)"])

    async def echo(request: Request) -> Response:
        return to_json_response(await read_json(request, dict[str, int]))

    routes = [
        Route("/api/fail", fail),
        Route("/api/contradict", contradict),
        Route("/api/echo", echo, methods=["POST"]),
    ]
    return make_app(static, routes, access)


@pytest.fixture
def client(app, access):
    """A browser that opened the address of the page."""
    with TestClient(app, base_url="http://127.0.0.1:8000") as client:
        assert client.get("/", params={"token": access.token}).status_code == 200
        yield client
