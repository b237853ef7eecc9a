"""The video of a run under review, which may have moved."""

from __future__ import annotations

from pathlib import Path
from threading import Lock, Thread

from murid.errors import MuridError, SourceError
from murid.store import RunDirectory
from murid.video import open_as_tracked
from murid.web.frames import FrameServer

_WAY_OUT = "murid review RUN --video PATH names its place"


class ReviewVideo:
    """The frames of a run, opened in the background: the index of a day takes seconds.

    Parameters
    ----------
    directory : RunDirectory
    source : str or Path, optional
        The video, where it is no longer where it was tracked.
    """

    def __init__(self, directory: RunDirectory, source: str | Path | None = None) -> None:
        self._source = source or directory.manifest.source
        self._directory = directory
        self._lock = Lock()
        self._server: FrameServer | None = None
        self._error: str | None = None
        self._thread = Thread(target=self._open, name="murid-open-video", daemon=True)
        self._thread.start()

    @property
    def error(self) -> str | None:
        """Why there are no frames, with the way out; None if there are, or they are coming."""
        return self._error

    @property
    def frames(self) -> FrameServer:
        """The frames; raises `SourceError` if the video is not there."""
        self._thread.join()
        if self._server is None:
            raise SourceError(self._source, "video", "the one that was tracked", str(self._error))
        return self._server

    def close(self) -> None:
        """Stop decoding."""
        self._thread.join()
        if self._server is not None:
            self._server.close()

    def _open(self) -> None:
        manifest = self._directory.manifest
        try:
            times_s = self._directory.frames.read().times_s
            source = open_as_tracked(self._source, manifest.video, times_s)
            if source.compute_fingerprint() != dict(manifest.fingerprint):
                got = "another one"
                raise SourceError(self._source, "fingerprint", "the video that was tracked", got)
            self._server = FrameServer(source)
        except MuridError as error:
            self._error = f"{error}: {_WAY_OUT}"
        except Exception as error:
            self._error = f"{self._source}: {type(error).__name__}: {error}: {_WAY_OUT}"
