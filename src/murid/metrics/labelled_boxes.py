"""Boxes with an identity: what the ground truth and a result look like to the metrics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from murid.core.types import DetectionTable, Float64, Index, Int64, Tracks
from murid.errors import ArrayError


@dataclass(frozen=True, eq=False, slots=True)
class LabelledBoxes:
    """Boxes that say which animal they are, in any order.

    Attributes
    ----------
    frames : ndarray
        ``(N,)`` int64 frame of each box, from 0.
    ids : ndarray
        ``(N,)`` int64 identity of each box; within a frame no identity occurs twice.
    boxes : ndarray
        ``(N, 4)`` float64, xyxy in pixels, finite.
    scores : ndarray or None
        ``(N,)`` float64: how sure the result is of each box, where it says so.

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
        n = len(self.frames)
        columns: list[tuple[str, Any, tuple[int, ...]]] = [
            ("frames", np.int64, (n,)),
            ("ids", np.int64, (n,)),
            ("boxes", np.float64, (n, 4)),
        ]
        columns += [] if self.scores is None else [("scores", np.float64, (n,))]
        for name, dtype, shape in columns:
            column = getattr(self, name)
            if column.dtype != dtype or column.shape != shape:
                expected = f"{np.dtype(dtype)} of shape {shape}"
                raise ArrayError(
                    f"LabelledBoxes.{name}", expected, f"{column.dtype} of shape {column.shape}"
                )
        if n and self.frames.min() < 0:
            raise ArrayError("LabelledBoxes.frames", "frames from 0", str(self.frames.min()))
        if not np.isfinite(self.boxes).all():
            raise ArrayError("LabelledBoxes.boxes", "finite numbers", "NaN or infinity")
        order = np.lexsort((self.ids, self.frames))
        twice = (np.diff(self.frames[order]) == 0) & (np.diff(self.ids[order]) == 0)
        if twice.any():
            row = order[np.argmax(twice)]
            raise ArrayError(
                "LabelledBoxes.ids",
                "each once in a frame",
                f"{self.ids[row]} twice in {self.frames[row]}",
            )

    def __len__(self) -> int:
        return len(self.frames)

    def __getitem__(self, index: Index) -> LabelledBoxes:
        """Select rows by a mask, a slice or an array of row numbers; every column follows."""
        scores = None if self.scores is None else self.scores[index]
        return LabelledBoxes(self.frames[index], self.ids[index], self.boxes[index], scores)

    def split(self, frames: Int64) -> list[NDArray[np.int64]]:
        """Rows of the boxes of each of `frames` ``(F,)``, which are ascending and hold all frames of the boxes."""
        order = np.argsort(self.frames, kind="stable")
        return (
            np.split(order, np.searchsorted(self.frames[order], frames[1:])) if len(frames) else []
        )

    @classmethod
    def from_tracks(cls, tracks: Tracks, first_frame: int = 0) -> LabelledBoxes:
        """Take the detections that belong to a track; `first_frame` is the index of the first frame of `tracks`."""
        kept = tracks.track_ids >= 0
        return cls._from_table(tracks.detections, kept, tracks.track_ids, first_frame)

    @classmethod
    def from_detections(cls, table: DetectionTable, first_frame: int = 0) -> LabelledBoxes:
        """Take all detections, each under an id of its own; `first_frame` is the index of the first frame."""
        return cls._from_table(
            table, np.ones(len(table), bool), np.arange(len(table), dtype=np.int64), first_frame
        )

    @classmethod
    def _from_table(
        cls, table: DetectionTable, kept: NDArray[np.bool_], ids: Int64, first_frame: int
    ) -> LabelledBoxes:
        boxes, scores = (column[kept].astype(np.float64) for column in (table.boxes, table.scores))
        return cls(table.frame_numbers[kept] + first_frame, ids[kept], boxes, scores)
