"""Foreground of the frames in gaps: from the side table of a run, and otherwise from its video."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from murid.appearance.foreground import BODY_CELLS, ForegroundFinder, compute_grid_size
from murid.appearance.second_pass import open_run_video
from murid.core.plurals import format_count
from murid.core.progress import ProgressCallback
from murid.core.types import Bool, DetectionTable, Int64
from murid.errors import RunError, SourceError
from murid.identification.foreground import Foreground
from murid.identification.tracklets import measure_body_px
from murid.store import RunDirectory
from murid.store.side_tables import GAP_FOREGROUND
from murid.video import sample_frames

# Frames for the background model: enough that no animal rests in half of them.
_N_BACKGROUND_FRAMES = 60
# Detections with a lower score may not be animals.
_MIN_SCORE = 0.3

# Runs of foreground cells ``(n, 3)``: row, first column, and the column after the last.
_Runs = NDArray[np.int16]


class GapForeground:
    """The foreground of some frames of a run, computed when it is first asked for, and stored.

    Parameters
    ----------
    run : RunDirectory
        Open for writing, with finished detection.
    table : DetectionTable
        All detections of the run.
    report : callable
        Receives the progress.
    """

    def __init__(self, run: RunDirectory, table: DetectionTable, report: ProgressCallback) -> None:
        self._run = run
        self._report = report
        usable = table.scores >= _MIN_SCORE
        body_px = measure_body_px(table.boxes[usable], table.scores[usable])
        self._cell_px = float(np.float32(body_px / BODY_CELLS))
        fingerprint = run.manifest.fingerprint
        self._size = (int(fingerprint["width"]), int(fingerprint["height"]))
        # None: the frame cannot be told from the background, or not be decoded.
        self._runs: dict[int, _Runs | None] = self._load()
        self._n_stored = len(self._runs)
        # Frames that were asked for and could not be read.
        self._unknown: set[int] = set()

    def read(self, frames: Int64) -> Iterator[Foreground]:
        """Yield the foreground of the given frames, ascending, as far as it is known."""
        wanted = [frame for frame in frames.tolist() if frame not in self._runs]
        if wanted:
            try:
                self._scan(np.array(wanted, np.int64))
            except (SourceError, RunError):  # the video of an old run may be gone, or another one
                self._unknown.update(frame for frame in wanted if frame not in self._runs)
        for frame in frames.tolist():
            runs = self._runs.get(frame)
            if runs is not None:
                yield self._to_foreground(frame, runs)

    def describe_unknown(self) -> list[str]:
        """Return a note on the frames that are not known; none if all are."""
        if not self._unknown:
            return []
        frames = format_count(len(self._unknown), "frame")
        return [f"boxes in gaps are interpolated in {frames}, since the video cannot be read"]

    def store(self) -> None:
        """Store what was computed; raises `StorageError`."""
        if len(self._runs) == self._n_stored:
            return
        frames = sorted(self._runs)
        # A frame without foreground has one empty run, and one that is not known has row -1.
        empty = np.zeros((1, 3), np.int16)
        nothing = np.array([[-1, 0, 0]], np.int16)
        runs = [self._runs[frame] for frame in frames]
        parts = [nothing if own is None else own if len(own) else empty for own in runs]
        rows = np.concatenate(parts)
        self._run.side_tables.write(
            GAP_FOREGROUND,
            {
                "frame": np.repeat(frames, [len(own) for own in parts]),
                "row": rows[:, 0],
                "first_column": rows[:, 1],
                "end_column": rows[:, 2],
                "cell_px": np.full(len(rows), self._cell_px),
            },
        )
        self._n_stored = len(frames)

    def _load(self) -> dict[int, _Runs | None]:
        """Return the stored runs of each frame; none if they are of another grid."""
        columns = GAP_FOREGROUND.read(self._run.path)
        if columns is None or (columns["cell_px"] != self._cell_px).any():
            return {}
        frames = columns["frame"]
        names = ("row", "first_column", "end_column")
        rows = np.column_stack([columns[name] for name in names]).astype(np.int16)
        starts = np.flatnonzero(np.diff(frames, prepend=-1))
        by_frame = np.split(rows, starts[1:])
        return {
            frame: None if own[0, 0] < 0 else own
            for frame, own in zip(frames[starts].tolist(), by_frame, strict=True)
        }

    def _scan(self, frames: Int64) -> None:
        """Compute the foreground of frames from the video; raises `SourceError` and `RunError`."""
        source = open_run_video(self._run)
        finder = ForegroundFinder(sample_frames(source, _N_BACKGROUND_FRAMES), self._cell_px)
        if not finder.has_background:
            self._runs.update(dict.fromkeys(frames.tolist()))
            return
        for number, frame in enumerate(source.read(frames)):
            mask = finder.find(frame.image)
            self._runs[frame.index] = None if mask is None else _to_runs(mask)
            self._report("gaps", number + 1, len(frames))
        # Frames that cannot be decoded.
        for frame in frames.tolist():
            self._runs.setdefault(frame, None)

    def _to_foreground(self, frame: int, runs: _Runs) -> Foreground:
        width, height = self._size
        n_columns, n_rows = compute_grid_size(width, height, self._cell_px)
        mask = _to_mask(runs, (n_rows, n_columns))
        return Foreground(frame, mask, (width / n_columns, height / n_rows))


def _to_runs(mask: Bool) -> _Runs:
    """Return the runs ``(n, 3)`` of cells that are True, row by row."""
    edges = np.diff(np.pad(mask, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    rows, firsts = np.nonzero(edges > 0)
    _, ends = np.nonzero(edges < 0)
    return np.column_stack([rows, firsts, ends]).astype(np.int16)


def _to_mask(runs: _Runs, shape: tuple[int, int]) -> Bool:
    """Return the mask of runs, the reverse of `_to_runs`."""
    height, width = shape
    edges = np.zeros((height, width + 1), np.int8)
    rows, firsts, ends = runs.T
    np.add.at(edges, (rows, firsts), 1)
    np.add.at(edges, (rows, ends), -1)
    mask: Bool = np.cumsum(edges, axis=1)[:, :-1] > 0
    return mask
