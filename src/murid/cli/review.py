"""``murid review``."""

from __future__ import annotations

import sys
from contextlib import closing
from pathlib import Path

from murid.errors import RunError, StorageError
from murid.store import RunDirectory


def review(
    run: Path,
    /,
    *,
    video: str | None = None,
    port: int = 0,
    host: str = "127.0.0.1",
    no_browser: bool = False,
    author: str | None = None,
) -> None:
    """Look at doubtful crossings in the browser, and correct identities.

    The page is on this computer only. Ctrl-C ends it; every answer is stored when it is given.

    Parameters
    ----------
    run : Path
        Run directory, whose animals were identified.
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
            app = make_review_app(session, frames, access)
            serve(app, listener, access, opens_browser=not no_browser)


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
