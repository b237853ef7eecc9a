"""Boxes with an id, the input of all metrics: ground truth or a result."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from murid.core.types import Bool, DetectionTable, Float64, Index, Int64, Tracks
from murid.core.validation import convert_field
from murid.errors import ArrayError


@dataclass(frozen=True, eq=False, slots=True)
class LabelledBoxes:
    """Boxes of a video with the id of an animal or track, in any order.

    Lists and arrays of other numeric types are converted.

    Attributes
    ----------
    frames : ndarray
        ``(N,)`` int64 frame of each box, from 0.
    ids : ndarray
        ``(N,)`` int64 id of each box; in a frame each id occurs once at most.
    boxes : ndarray
        ``(N, 4)`` float64, xyxy in pixels, finite.
    scores : ndarray or None
        ``(N,)`` float64 confidence scores, if known.

    Raises
    ------
    ArrayError
        If a column has the wrong type, shape or values.
    """

    frames: Int64
    ids: Int64
    boxes: Float64
    scores: Float64 | None = None

    def __post_init__(self) -> None:
        convert_field(self, "frames", np.int64, (None,))
        n = len(self.frames)
        convert_field(self, "ids", np.int64, (n,))
        convert_field(self, "boxes", np.float64, (n, 4))
        convert_field(self, "scores", np.float64, (n,), optional=True)
        if n and self.frames.min() < 0:
            raise ArrayError("LabelledBoxes.frames", "frames from 0", str(self.frames.min()))
        if not np.isfinite(self.boxes).all():
            raise ArrayError("LabelledBoxes.boxes", "finite numbers", "NaN or infinity")
        self._check_unique_ids()

    def _check_unique_ids(self) -> None:
        """Raise `ArrayError` if an id occurs twice in a frame."""
        order = np.lexsort((self.ids, self.frames))
        same_frame = np.diff(self.frames[order]) == 0
        same_id = np.diff(self.ids[order]) == 0
        duplicate = same_frame & same_id
        if duplicate.any():
            row = order[np.argmax(duplicate)]
            got = f"{self.ids[row]} twice in {self.frames[row]}"
            raise ArrayError("LabelledBoxes.ids", "each once in a frame", got)

    def __len__(self) -> int:
        return len(self.frames)

    def select(self, rows: Index) -> LabelledBoxes:
        """Return the boxes of a mask, a slice or an array of row numbers."""
        scores = None if self.scores is None else self.scores[rows]
        return LabelledBoxes(self.frames[rows], self.ids[rows], self.boxes[rows], scores)

    def split(self, frames: Int64) -> list[Int64]:
        """Return the rows of the boxes of each frame.

        Parameters
        ----------
        frames : ndarray
            ``(F,)`` int64, ascending; contains every frame of the boxes.
        """
        if not len(frames):
            return []
        order = np.argsort(self.frames, kind="stable")
        return np.split(order, np.searchsorted(self.frames[order], frames[1:]))

    @classmethod
    def from_tracks(cls, tracks: Tracks, first_frame: int = 0) -> LabelledBoxes:
        """Return the detections that belong to a track.

        `first_frame` is the number of the first frame of `tracks` in the video.
        """
        in_track = tracks.track_ids >= 0
        return cls._from_table(tracks.detections, in_track, tracks.track_ids, first_frame)

    @classmethod
    def from_detections(cls, table: DetectionTable, first_frame: int = 0) -> LabelledBoxes:
        """Return all detections, each with an id of its own.

        `first_frame` is the number of the first frame of `table` in the video.
        """
        ids = np.arange(len(table), dtype=np.int64)
        return cls._from_table(table, np.ones(len(table), bool), ids, first_frame)

    @classmethod
    def _from_table(
        cls, table: DetectionTable, keep: Bool, ids: Int64, first_frame: int
    ) -> LabelledBoxes:
        """Return the detections of a mask."""
        return cls(
            frames=table.frame_numbers[keep] + first_frame,
            ids=ids[keep],
            boxes=table.boxes[keep].astype(np.float64),
            scores=table.scores[keep].astype(np.float64),
        )
