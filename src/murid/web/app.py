"""The application of a local page: its files, its API, and errors as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from murid.errors import CorrectionError, MuridError
from murid.web.access import Access
from murid.web.guard import Guard

# A request holds a few numbers and a name; more is a mistake or an attack.
MAX_BODY_BYTES = 64 * 1024

T = TypeVar("T")

_encoder = msgspec.json.Encoder()


class ConflictError(MuridError):
    """A request does not fit the state of the page; the browser should look again."""


def make_app(
    static: Path,
    routes: Sequence[BaseRoute],
    access: Access,
) -> Starlette:
    """Return the application of a page.

    Parameters
    ----------
    static : Path
        Folder with ``index.html`` and what only this page loads, under ``static/``. What all pages
        share is there too, from the folder ``static`` of this package.
    routes : sequence of routes
        The API.
    access : Access
        Who is let in.
    """

    async def serve_page(_request: Request) -> Response:
        return FileResponse(static / "index.html")

    return Starlette(
        routes=[
            Route("/", serve_page),
            Mount("/static", StaticFiles(directory=static, packages=[("murid.web", "static")])),
            *routes,
        ],
        middleware=[Middleware(Guard, access=access)],
        exception_handlers={
            MuridError: _answer_murid_error,
            msgspec.DecodeError: _answer_bad_request,
            HTTPException: _answer_http_error,
        },
    )


def to_json_response(content: Any, status_code: int = 200) -> Response:
    """Return plain values or msgspec records as a JSON response."""
    body = _encoder.encode(content)
    return Response(body, status_code=status_code, media_type="application/json")


async def read_json(request: Request, kind: type[T]) -> T:
    """Return the JSON document of a request as a record.

    Raises `HTTPException` if it is too large or not declared as JSON, and `msgspec.DecodeError` if
    it is no such record.
    """
    if request.headers.get("content-type", "").split(";")[0] != "application/json":
        raise HTTPException(415, "expected application/json")
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise HTTPException(413, f"expected at most {MAX_BODY_BYTES} bytes")
    return msgspec.json.decode(body, type=kind)


def read_number(request: Request, name: str, default: int | None = None) -> int:
    """Return a whole number from the address; raises `HTTPException` if it is none."""
    text = request.path_params.get(name, request.query_params.get(name))
    if text is None and default is not None:
        return default
    try:
        return int(str(text))
    except ValueError as error:
        raise HTTPException(400, f"{name}: expected a whole number, got {text!r}") from error


async def _answer_murid_error(_request: Request, error: Exception) -> Response:
    content: dict[str, Any] = {"error": str(error)}
    if isinstance(error, CorrectionError):
        content["lines"] = list(error.lines)
    is_conflict = isinstance(error, CorrectionError | ConflictError)
    return to_json_response(content, 409 if is_conflict else 400)


async def _answer_bad_request(_request: Request, error: Exception) -> Response:
    return to_json_response({"error": f"request: {error}"}, 400)


async def _answer_http_error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return to_json_response({"error": error.detail}, error.status_code)
