"""``murid review``."""

from __future__ import annotations

import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from murid.core.plurals import format_count
from murid.errors import ConfigError, RunError, StorageError
from murid.store import RunDirectory

if TYPE_CHECKING:
    from murid.review.session import ReviewSession


def review(
    run: Path,
    /,
    *,
    crossing: str | None = None,
    frame: int | None = None,
    video: str | None = None,
    port: int = 0,
    host: str = "127.0.0.1",
    no_browser: Annotated[bool, Parameter(negative=())] = False,
    author: str | None = None,
) -> None:
    """Look at doubtful crossings in the browser, and correct identities.

    The page is on this computer only. Ctrl-C ends it; every answer is stored when it is given.

    Parameters
    ----------
    run : Path
        Run directory, whose animals were identified.
    crossing : str
        Crossing on which the page opens, as the report of murid plot names it; the one on which
        most depends by default.
    frame : int
        Frame of the video on which the page opens instead.
    video : str
        The video, where it is no longer where it was tracked.
    port : int
        Port of the page; a free one by default.
    host : str
        Address on which the page is served. Others than the default let other computers in, with
        the address that is printed, and without encryption.
    no_browser : bool
        Print the address without opening it.
    author : str
        Who corrects; the user of this computer by default.
    """
    # The server takes a while to import.
    from murid.review.api import make_review_app
    from murid.review.session import ReviewSession
    from murid.review.solve import complete_identities
    from murid.review.video import ReviewVideo
    from murid.web.access import Access
    from murid.web.server import open_socket, serve

    if crossing is not None and frame is not None:
        raise ConfigError("--frame: expected either --crossing or --frame, got both")
    access = Access(host)
    directory, reader_note = _open_run(run)
    with directory, closing(open_socket(host, port)) as listener:
        if reader_note is not None:
            print(f"murid: {reader_note}", file=sys.stderr)
        elif complete_identities(directory):
            print("murid: completed identities that were half-written", file=sys.stderr)
        with (
            closing(ReviewSession(directory, reader_note, author)) as session,
            closing(ReviewVideo(directory, video)) as frames,
        ):
            fragment = _choose_fragment(session, crossing, frame)
            app = make_review_app(session, frames, access)
            serve(app, listener, access, opens_browser=not no_browser, fragment=fragment)


def _choose_fragment(session: ReviewSession, crossing: str | None, frame: int | None) -> str:
    """Return what the page opens at, as it reads it from its address; empty = it chooses.

    Raises `ConfigError` if there is no such crossing or frame.
    """
    if crossing is not None:
        ids = [known.id for known in session.list_crossings()]
        if crossing not in ids:
            expected = f"one of the {format_count(len(ids), 'crossing')} of this run"
            hint = "identities may have been computed again; murid plot lists the crossings"
            raise ConfigError(f"--crossing: expected {expected}, got {crossing} ({hint})")
        return f"crossing={crossing}"
    if frame is None:
        return ""
    directory = session.results.directory
    numbers = directory.manifest.video_frames(directory.n_frames)
    if frame not in numbers:
        step = f" in steps of {numbers.step}" if numbers.step > 1 else ""
        expected = f"a frame from {numbers[0]} to {numbers[-1]}{step}" if numbers else "none"
        raise ConfigError(f"--frame: expected {expected}, got {frame}")
    return f"frame={numbers.index(frame)}"


def _open_run(path: Path) -> tuple[RunDirectory, str | None]:
    """Return the run, open for writing if possible, and else why it is only read."""
    try:
        return RunDirectory.open(path, writable=True), None
    except StorageError as error:
        reason = str(error)
    except RunError as error:
        if error.field != "writer":
            raise
        reason = f"{error.got} is writing to this run"
    return RunDirectory.open(path), f"read only: {reason}"
