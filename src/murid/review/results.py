"""The identities of a run as the review reads them: part by part, cached, never half-written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from threading import Lock, get_ident
from typing import Any

import numpy as np

from murid.core.identity_probabilities import IdentityProbabilities
from murid.core.types import Bool, DetectionTable, Float32, Float64, Int64
from murid.errors import RunError
from murid.store import RunDirectory
from murid.store.side_tables import CROSSINGS

# Parts that are kept: those around a crossing, the next one, and the timeline at full zoom. One of
# ten animals takes 1 MB.
_N_CACHED_PARTS = 24


@dataclass(frozen=True, eq=False, slots=True)
class IdentityPart:
    """The boxes of a part of a run.

    Attributes
    ----------
    first_frame : int
    offsets : ndarray
        ``(F + 1,)`` int64: boxes of frame t of the part are rows ``offsets[t]`` to
        ``offsets[t + 1]``.
    identities : ndarray
        ``(N,)`` int64.
    rows : ndarray
        ``(N,)`` int64 row of the detection within its frame; -1 = interpolated.
    boxes : ndarray
        ``(N, 4)`` float32 xyxy pixels.
    scores, probabilities : ndarray
        ``(N,)`` float32 scores of the detections, and identity probabilities.
    merged : ndarray
        ``(N,)`` bool.
    detections : DetectionTable
        All detections of the part, those without an identity too.
    """

    first_frame: int
    offsets: Int64
    identities: Int64
    rows: Int64
    boxes: Float32
    scores: Float32
    probabilities: Float32
    merged: Bool
    detections: DetectionTable

    @property
    def n_frames(self) -> int:
        """Number of frames."""
        return len(self.offsets) - 1

    @property
    def frames(self) -> Int64:
        """``(N,)`` int64 frame of each box."""
        counts = np.diff(self.offsets)
        return np.repeat(self.first_frame + np.arange(self.n_frames), counts)

    def find_identity(self, frame: int, row: int) -> int | None:
        """Return the identity of a detection, or None if it has none."""
        t = frame - self.first_frame
        if not 0 <= t < self.n_frames:
            return None
        own = slice(self.offsets[t], self.offsets[t + 1])
        found = np.flatnonzero(self.rows[own] == row)
        return int(self.identities[own][found[0]]) if len(found) else None


class RunResults:
    """Reads the identities of an open run; readers wait while they are rewritten.

    Parameters
    ----------
    directory : RunDirectory
    """

    def __init__(self, directory: RunDirectory) -> None:
        self._lock = Lock()
        self._rewriter: int | None = None
        self._is_closed = False
        self._read_part: Callable[[int], IdentityPart] = lru_cache(_N_CACHED_PARTS)(self._load_part)
        self._identities_of: dict[tuple[int, int], int | None] = {}
        self.directory = directory
        self._attach(directory)

    def _attach(self, directory: RunDirectory) -> None:
        self.directory = directory
        directory.identities.before_rewrite = self._begin_rewriting
        self.times_s: Float64 = directory.frames.read().times_s
        self._forget()

    @property
    def revision(self) -> str:
        """Changes whenever identities were written; the same when the run is opened again."""
        path = CROSSINGS.find(self.directory.path)
        return "none" if path is None else f"{path.stat().st_mtime_ns:x}"

    @contextmanager
    def reading(self) -> Iterator[RunDirectory]:
        """Yield the run, whose identities nobody writes meanwhile."""
        with self._lock:
            yield self.directory

    @contextmanager
    def rewriting(self) -> Iterator[RunDirectory]:
        """Yield the run to a thread that identifies the animals.

        Others can read until it begins to write; from then on they wait for the end of the block.
        """
        try:
            yield self.directory
        finally:
            if self._rewriter == get_ident():
                self._forget()
                self._rewriter = None
                self._lock.release()

    def reload(self) -> None:
        """Open the run again for reading, after another process has written to it."""
        with self._lock:
            self._attach(RunDirectory.open(self.directory.path))

    def close(self) -> None:
        """Wait for the end of writing, and let nobody write from now on."""
        with self._lock:
            self._is_closed = True

    def read_part(self, number: int) -> IdentityPart:
        """Return the boxes of a part; raises `RunError` if it is damaged."""
        with self._lock:
            return self._read_part(number)

    def iterate_parts(self, first_frame: int, last_frame: int) -> Iterator[IdentityPart]:
        """Yield the parts with some frames, as far as the run has them."""
        part_frames = self.directory.manifest.part_frames
        first = max(first_frame, 0) // part_frames
        last = min(last_frame, len(self.times_s) - 1) // part_frames
        for number in range(first, last + 1):
            yield self.read_part(number)

    def find_identity(self, frame: int, row: int) -> int | None:
        """Return the identity of a detection now, or None; not for those who hold `reading`."""
        key = (frame, row)
        # If identities are written meanwhile, what was found goes to the table that is dropped.
        known = self._identities_of
        if key not in known:
            part = self.read_part(frame // self.directory.manifest.part_frames)
            known[key] = part.find_identity(frame, row)
        return known[key]

    def read_crossings(self) -> list[dict[str, Any]]:
        """Return the doubtful crossings, as `IdentityParts.read_crossings`."""
        with self._lock:
            return self.directory.identities.read_crossings()

    def read_summary(self) -> list[dict[str, Any]]:
        """Return one dictionary per identity, as `RunDirectory.read_summary`."""
        with self._lock:
            return self.directory.read_summary()

    def read_presence(self, number: int) -> tuple[Int64, Int64, Float32, Bool]:
        """Return frames, identities, probabilities and interpolated of the boxes of a part."""
        with self._lock:
            return self.directory.identities.read_presence(number)

    def compute_overall_probability(self) -> float | None:
        """Return the mean identity probability over all animals and frames; None without any."""
        return IdentityProbabilities.from_rows(self.read_summary()).overall

    def _begin_rewriting(self) -> None:
        if self._rewriter == get_ident():
            return
        self._lock.acquire()
        if self._is_closed:
            self._lock.release()
            path = self.directory.path
            raise RunError(path, "run", "one that is still open", "one that was closed")
        self._rewriter = get_ident()

    def _forget(self) -> None:
        self._read_part = lru_cache(_N_CACHED_PARTS)(self._load_part)
        self._identities_of = {}

    def _load_part(self, number: int) -> IdentityPart:
        tracks = self.directory.identities.read_part(number)
        detections = self.directory.detections.read_part(number, embeddings=False, keypoints=False)
        _, detected_rows, _, _ = self.directory.identities.read_assignments(number)
        n_boxes = len(tracks.track_ids)
        interpolated = _or_default(tracks.interpolated, np.zeros(n_boxes, np.bool_))
        rows = np.full(n_boxes, -1, np.int64)
        rows[~interpolated] = detected_rows
        probabilities = tracks.identity_probabilities
        return IdentityPart(
            number * self.directory.manifest.part_frames,
            tracks.detections.frame_offsets,
            tracks.track_ids,
            rows,
            tracks.detections.boxes,
            tracks.detections.scores,
            np.ones(n_boxes, np.float32) if probabilities is None else probabilities,
            _or_default(tracks.merged, np.zeros(n_boxes, np.bool_)),
            detections,
        )


def _or_default(column: Bool | None, default: Bool) -> Bool:
    return default if column is None else column
