"""Boxes with an identity: what the ground truth and a result look like to the metrics."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from murid.core.types import Float64, Int64, Tracks
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

    Raises
    ------
    ArrayError
        If a column has the wrong type, shape or values.
    """

    frames: Int64
    ids: Int64
    boxes: Float64

    def __post_init__(self) -> None:
        n = len(self.frames)
        for name, dtype, shape in (("frames", np.int64, (n,)), ("ids", np.int64, (n,)), ("boxes", np.float64, (n, 4))):
            column = getattr(self, name)
            if column.dtype != dtype or column.shape != shape:
                expected = f"{np.dtype(dtype)} of shape {shape}"
                raise ArrayError(f"LabelledBoxes.{name}", expected, f"{column.dtype} of shape {column.shape}")
        if n and self.frames.min() < 0:
            raise ArrayError("LabelledBoxes.frames", "frames from 0", str(self.frames.min()))
        if not np.isfinite(self.boxes).all():
            raise ArrayError("LabelledBoxes.boxes", "finite numbers", "NaN or infinity")
        order = np.lexsort((self.ids, self.frames))
        twice = (np.diff(self.frames[order]) == 0) & (np.diff(self.ids[order]) == 0)
        if twice.any():
            row = order[np.argmax(twice)]
            raise ArrayError(
                "LabelledBoxes.ids", "each once in a frame", f"{self.ids[row]} twice in {self.frames[row]}"
            )

    def __len__(self) -> int:
        return len(self.frames)

    @classmethod
    def from_tracks(cls, tracks: Tracks, first_frame: int = 0) -> LabelledBoxes:
        """Take the detections that belong to a track; `first_frame` is the index of the first frame of `tracks`."""
        kept = tracks.track_ids >= 0
        frames = tracks.detections.frame_numbers[kept] + first_frame
        return cls(frames, tracks.track_ids[kept], tracks.detections.boxes[kept].astype(np.float64))
