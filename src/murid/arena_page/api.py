"""The HTTP interface of the page on which arenas are drawn."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from murid.arena_page.backgrounds import BackgroundImages
from murid.arena_page.requests import ChangeRequest, OpenRequest, SaveRequest
from murid.arena_page.session import ArenaSession
from murid.web.access import Access
from murid.web.app import make_app, read_json, read_number, to_json_response

STATIC = Path(__file__).parent / "static"


def make_arena_app(
    session: ArenaSession, backgrounds: BackgroundImages, access: Access
) -> Starlette:
    """Return the application of the page.

    Parameters
    ----------
    session : ArenaSession
    backgrounds : BackgroundImages
        Of the videos of the session.
    access : Access
        Who is let in.
    """
    api = _Api(session, backgrounds)
    routes = [
        Route("/api/videos", api.list_videos),
        Route("/api/videos/{video}/image", api.get_image),
        Route("/api/videos/{video}/open", api.open, methods=["POST"]),
        Route("/api/videos/{video}/changes", api.change, methods=["POST"]),
        Route("/api/videos/{video}/undo", api.undo, methods=["POST"]),
        Route("/api/videos/{video}/redo", api.redo, methods=["POST"]),
        Route("/api/videos/{video}/save", api.save, methods=["POST"]),
    ]
    return make_app(STATIC, routes, access)


class _Api:
    """One method for each address; those that only read run in threads of their own."""

    def __init__(self, session: ArenaSession, backgrounds: BackgroundImages) -> None:
        self._session = session
        self._backgrounds = backgrounds

    def list_videos(self, _request: Request) -> Response:
        return to_json_response({"videos": self._session.list_videos()})

    def get_image(self, request: Request) -> Response:
        video = read_number(request, "video")
        self._session.check_is_open(video)
        return Response(self._backgrounds.encode(video), media_type="image/jpeg")

    async def open(self, request: Request) -> Response:
        given = await read_json(request, OpenRequest)
        return await _run(self._session.open, read_number(request, "video"), given.previous)

    async def change(self, request: Request) -> Response:
        given = await read_json(request, ChangeRequest)
        return await _run(self._session.change, read_number(request, "video"), given.change)

    async def undo(self, request: Request) -> Response:
        await read_json(request, dict)
        return await _run(self._session.undo, read_number(request, "video"))

    async def redo(self, request: Request) -> Response:
        await read_json(request, dict)
        return await _run(self._session.redo, read_number(request, "video"))

    async def save(self, request: Request) -> Response:
        given = await read_json(request, SaveRequest)
        video = read_number(request, "video")
        return await _run(self._session.save, video, overwrite=given.overwrite)


async def _run(
    function: Callable[..., dict[str, Any]], *arguments: Any, **options: Any
) -> Response:
    """Call a method of the session in a thread, and return the state of the video."""
    return to_json_response(await run_in_threadpool(function, *arguments, **options))
