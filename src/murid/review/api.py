"""The HTTP interface of a review."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from murid.corrections.records import Entry, Revoke
from murid.review.boxes import list_boxes
from murid.review.requests import AnswerRequest, EditRequest, UndoRequest
from murid.review.session import ReviewSession
from murid.review.video import ReviewVideo
from murid.web.access import Access
from murid.web.app import make_app, read_json, read_number, to_json_response

STATIC = Path(__file__).parent / "static"


def make_review_app(session: ReviewSession, video: ReviewVideo, access: Access) -> Starlette:
    """Return the application of a review.

    Parameters
    ----------
    session : ReviewSession
    video : ReviewVideo
    access : Access
        Who is let in.
    """
    api = _Api(session, video)
    routes = [
        Route("/api/state", api.get_state),
        Route("/api/crossings", api.list_crossings),
        Route("/api/crossings/{crossing}/moments", api.list_moments),
        Route("/api/boxes", api.list_boxes),
        Route("/api/frames/{frame}", api.get_frame),
        Route("/api/crops/{frame}", api.get_crop),
        Route("/api/timeline/{level}/{tile}", api.get_tile),
        Route("/api/corrections", api.list_corrections),
        Route("/api/answers", api.answer, methods=["POST"]),
        Route("/api/edits", api.edit, methods=["POST"]),
        Route("/api/undo", api.undo, methods=["POST"]),
        Route("/api/redo", api.redo, methods=["POST"]),
    ]
    return make_app(STATIC, routes, access)


class _Api:
    """One method for each address; those that only read run in threads of their own."""

    def __init__(self, session: ReviewSession, video: ReviewVideo) -> None:
        self._session = session
        self._video = video

    def get_state(self, _request: Request) -> Response:
        state = self._session.get_state() | {"video_error": self._video.error}
        return to_json_response(state)

    def list_crossings(self, _request: Request) -> Response:
        revision, crossings = self._session.list_revised_crossings()
        return to_json_response({"revision": revision, "crossings": crossings})

    def list_moments(self, request: Request) -> Response:
        return to_json_response(self._session.find_moments(request.path_params["crossing"]))

    def list_boxes(self, request: Request) -> Response:
        first = read_number(request, "first")
        last = read_number(request, "last")
        return to_json_response(list_boxes(self._session.results, first, last))

    def list_corrections(self, _request: Request) -> Response:
        return to_json_response(self._session.list_corrections())

    def get_tile(self, request: Request) -> Response:
        level = read_number(request, "level")
        return to_json_response(
            self._session.timeline.get_tile(level, read_number(request, "tile"))
        )

    def get_frame(self, request: Request) -> Response:
        image = self._video.frames.get_image(
            read_number(request, "frame"),
            read_number(request, "width", 0),
            is_for_later=read_number(request, "later", 0) == 1,
        )
        return Response(image, media_type="image/jpeg")

    def get_crop(self, request: Request) -> Response:
        frame = read_number(request, "frame")
        return Response(
            self._video.frames.get_crop(frame, _read_box(request)), media_type="image/jpeg"
        )

    async def answer(self, request: Request) -> Response:
        given = await read_json(request, AnswerRequest)
        return await _run(self._session.answer, given.crossing, given.answer, given.revision)

    async def edit(self, request: Request) -> Response:
        given = await read_json(request, EditRequest)
        return await _run(self._session.edit, given.edit, given.revision)

    async def undo(self, request: Request) -> Response:
        given = await read_json(request, UndoRequest)
        return await run_in_threadpool(self._undo, given.line)

    def _undo(self, line: int | None) -> Response:
        entry = self._session.undo(line)
        assert isinstance(entry.statement, Revoke)
        crossing = self._session.find_answered_crossing(entry.statement.line)
        return to_json_response({**_describe(entry), "crossing": crossing})

    async def redo(self, request: Request) -> Response:
        await read_json(request, dict)
        return await _run(self._session.redo)


async def _run(function: Callable[..., Entry], *arguments: Any) -> Response:
    """Call a method that adds a line to the log, in a thread, and return the line."""
    entry = await run_in_threadpool(function, *arguments)
    return to_json_response(_describe(entry))


def _describe(entry: Entry) -> dict[str, Any]:
    return {"line": entry.line, "text": entry.statement.describe()}


def _read_box(request: Request) -> tuple[float, float, float, float]:
    text = request.query_params.get("box", "")
    try:
        x1, y1, x2, y2 = (float(value) for value in text.split(","))
    except ValueError as error:
        raise HTTPException(400, f"box: expected x1,y1,x2,y2, got {text!r}") from error
    if not (abs(x1) + abs(y1) + abs(x2) + abs(y2) < 1e6 and x1 < x2 and y1 < y2):
        raise HTTPException(400, f"box: expected x1 < x2 and y1 < y2, got {text!r}")
    return x1, y1, x2, y2
