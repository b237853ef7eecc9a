"""Consecutive frames of a video: their times, and which of them could not be decoded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from murid.core.types import Bool, Float64, Int64
from murid.errors import ArrayError


@dataclass(frozen=True, eq=False, slots=True)
class FrameTable:
    """Consecutive frames of a video, with or without detections.

    Attributes
    ----------
    first_frame : int
        Index in the video of the first frame.
    times_s : ndarray
        ``(F,)`` float64 presentation times in seconds.
    unreadable : mapping of int to str
        Why a frame could not be decoded, by its index in the video.
    """

    first_frame: int
    times_s: Float64
    unreadable: Mapping[int, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.times_s.ndim != 1 or self.times_s.dtype != np.float64:
            got = f"{self.times_s.dtype} of shape {self.times_s.shape}"
            raise ArrayError("FrameTable.times_s", "float64 of shape (F,)", got)
        outside = [i for i in self.unreadable if not 0 <= i - self.first_frame < len(self.times_s)]
        if outside:
            raise ArrayError(
                "FrameTable.unreadable",
                f"frames {self.first_frame} to {self.last_frame}",
                str(outside),
            )

    def __len__(self) -> int:
        return len(self.times_s)

    @property
    def last_frame(self) -> int:
        """Index in the video of the last frame; one before the first if the table is empty."""
        return self.first_frame + len(self.times_s) - 1

    @property
    def frames(self) -> Int64:
        """``(F,)`` int64 indices in the video."""
        return np.arange(self.first_frame, self.last_frame + 1, dtype=np.int64)

    @property
    def readable(self) -> Bool:
        """``(F,)`` bool: whether each frame could be decoded."""
        unreadable = np.fromiter(self.unreadable, np.int64, len(self.unreadable))
        return ~np.isin(self.frames, unreadable)

    @classmethod
    def concatenate(cls, tables: Sequence[FrameTable]) -> FrameTable:
        """Return the frames of consecutive tables as one table."""
        if not tables:
            return cls(0, np.zeros(0))
        times_s = np.concatenate([table.times_s for table in tables])
        unreadable: dict[int, str] = {}
        for table in tables:
            unreadable |= table.unreadable
        return cls(tables[0].first_frame, times_s, unreadable)
