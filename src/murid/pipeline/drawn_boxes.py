"""Boxes that a person drew, as further detections of a run while it is identified."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from murid.core.types import DetectionTable, Int64
from murid.corrections.resolve import DrawnBoxes
from murid.identification.appearance_models.tracklet_features import FurDescriptors
from murid.identification.point_matches import PointMatches
from murid.identification.recording_stitcher import EmbeddingChunks

DRAWN = -2
"""Row of a drawn box in the result of identification: it is no detection, nor interpolated."""


@dataclass(frozen=True, eq=False, slots=True)
class ExtendedDetections:
    """The detections of a run with drawn boxes after those of their frame.

    Attributes
    ----------
    table : DetectionTable
        Without embeddings; drawn boxes have a score of 1.
    new_rows : ndarray
        ``(N + 1,)`` int64 row in the table of each detection of the run, and of one after the last.
    drawn_rows : ndarray
        ``(D,)`` int64 rows of the drawn boxes.
    """

    table: DetectionTable
    new_rows: Int64
    drawn_rows: Int64

    def to_run_rows(self, rows: Int64) -> Int64:
        """Return the rows among the detections of the run; `DRAWN` for drawn boxes, -1 stays."""
        run_rows = np.full(len(self.table) + 1, DRAWN, np.int64)
        run_rows[self.new_rows[:-1]] = np.arange(len(self.new_rows) - 1)
        run_rows[-1] = -1
        return run_rows[rows]

    def extend_embeddings(self, read: Callable[[], EmbeddingChunks]) -> EmbeddingChunks:
        """Yield embeddings with zeros, which stand for none, for drawn boxes."""
        for first, values in read():
            rows = self.new_rows[first : first + len(values)]
            end = self.new_rows[first + len(values)]
            extended = np.zeros((end - rows[0], values.shape[1]), values.dtype)
            extended[rows - rows[0]] = values
            yield int(rows[0]), extended

    def extend_fur(self, fur: FurDescriptors | None) -> FurDescriptors | None:
        """Return fur descriptors with the rows of the table."""
        return None if fur is None else replace(fur, rows=self.new_rows[fur.rows])

    def extend_matches(self, matches: PointMatches | None) -> PointMatches | None:
        """Return point matches with the rows of the table; -1 stays."""
        if matches is None:
            return None
        before = np.where(matches.before >= 0, self.new_rows[matches.before], -1)
        return replace(matches, after=self.new_rows[matches.after], before=before)


def extend_detections(table: DetectionTable, drawn: DrawnBoxes) -> ExtendedDetections:
    """Return detections with drawn boxes, all of which are in frames of the table."""
    frames = drawn.frames
    # Before how many drawn boxes each detection comes: those of earlier frames.
    new_rows = np.arange(len(table)) + np.searchsorted(frames, table.frame_numbers)
    new_rows = np.append(new_rows, len(table) + len(frames)).astype(np.int64)
    is_drawn = np.ones(len(table) + len(frames), bool)
    is_drawn[new_rows[:-1]] = False
    drawn_rows = np.flatnonzero(is_drawn)
    all_boxes = np.empty((len(is_drawn), 4), np.float32)
    all_boxes[new_rows[:-1]] = table.boxes
    all_boxes[drawn_rows] = drawn.boxes
    scores = np.ones(len(is_drawn), np.float32)
    scores[new_rows[:-1]] = table.scores
    n_before = np.searchsorted(frames, np.arange(table.n_frames + 1))
    offsets = (table.frame_offsets + n_before).astype(np.int64)
    return ExtendedDetections(
        DetectionTable(all_boxes, scores, None, offsets), new_rows, drawn_rows
    )
